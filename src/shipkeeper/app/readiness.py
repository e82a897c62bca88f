"""Whether an environment is ready, from a cluster or a dump, the platform file and what people attested."""

from __future__ import annotations

from shipkeeper.app.attestations import attested_facts
from shipkeeper.app.check import Question, settings_of
from shipkeeper.app.checklist_places import Place
from shipkeeper.app.logbook import Logbook
from shipkeeper.assessment.backups import objectives_of
from shipkeeper.assessment.check import Context, check_in
from shipkeeper.assessment.sizing import sizes
from shipkeeper.evidence.readiness import Ground, Readiness, judge
from shipkeeper.evidence.readiness_live import all_items
from shipkeeper.evidence.readiness_normal import normal
from shipkeeper.knowledge.schedule import attestable, go_live_tests
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.platform import Platform
from shipkeeper.model.time import iso
from shipkeeper.planning.settings import find_cluster


def look_at_readiness(
    inventory: Inventory, platform: Platform, logbook: Logbook, *, cluster: str = "", context: str = ""
) -> Readiness:
    """The report on one cluster, as of its inventory. Raises UsageProblem for a cluster the platform file lacks."""
    known_as = context or inventory.identity.name
    found = find_cluster(platform, cluster, known_as, inventory.identity.uid)
    settings, _ = settings_of(Question(cluster=cluster), platform, known_as, inventory.identity.uid)
    place = Place(name=found[1].name, config=found[1], environment=found[0]) if found else Place(name=known_as)
    ids = {task.id for task in go_live_tests()}
    indexes = Context(inventory, settings, None, inventory.taken_ms)
    ground = Ground(
        inventory=inventory,
        platform=platform,
        objectives=objectives_of(platform, place.environment),
        findings=check_in(indexes),
        sizes=sizes(inventory, indexes),
        tests=tuple(task for task in attestable(platform.schedule) if task.id in ids),
        attested=attested_facts(logbook),
        kubectl=place.kubectl,
    )
    name = place.name or inventory.source.partition(" (")[0].rpartition("/")[2]
    return judge(all_items(ground, tuple(normal(ground))), ground, name, iso(inventory.taken_ms, platform.zone))
