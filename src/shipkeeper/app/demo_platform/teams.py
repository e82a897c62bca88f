"""What the application teams run: most of it well, some of it as one finds it."""

from __future__ import annotations

from shipkeeper.app.demo_platform.parts import ONE, App

SHOP = (
    App("team-shop", "storefront", 12, cpu="300m", memory="384Mi", budgets=({"maxUnavailable": "25%"},), spread="zone",
        ready=(9, 17), pre_stop=True, scale=(6, 18), priority="team-important", version="2.41.0"),
    App("team-shop", "cart", 6, cpu="200m", memory="512Mi", budgets=(ONE,), spread="zone", ready=(22, 41),
        version="1.19.3"),
    # Slow to start, one at a time, and not spread evenly any more: drains wait for it.
    App("team-shop", "checkout", 6, cpu="250m", memory="768Mi", budgets=(ONE,), spread="zone", ready=(48, 76), grace=60,
        priority="team-important", version="3.7.1",
        on=("z1-general-3", "z1-general-3", "z2-general-1", "z2-general-4", "z3-general-1", "z3-general-3")),
    App("team-shop", "catalogue", 6, cpu="200m", memory="512Mi", budgets=(ONE,), spread="zone", ready=(17, 30),
        version="1.88.0"),
    App("team-shop", "search", 4, cpu="400m", memory="1Gi", budgets=(ONE,), spread="zone", ready=(52, 90),
        version="0.31.2", on=("z1-general-4", "z2-general-1", "z2-general-1", "z3-general-2")),
    App("team-shop", "recommendations", 3, cpu="300m", memory="1Gi", ready=(30, 55), spread="zone", version="0.9.14"),
    # Two replicas, one node: nobody answers while it is drained.
    App("team-shop", "wishlist", 2, ready=(12, 21), on=("z1-general-2", "z1-general-2"), version="1.4.0"),
    App("team-shop", "valkey", 3, "StatefulSet", cpu="200m", memory="1Gi", storage="10Gi", budgets=(ONE,), apart=True,
        ready=(6, 12), version="9.0.0", image="docker.io/valkey/valkey",
        on=("z1-general-1", "z2-general-3", "z3-general-2")),
    App("team-shop", "mail-sender", 1, ready=(7, 12), version="1.1.8", service=False),
)  # fmt: skip

BANK = (
    App("team-bank", "payments-api", 6, cpu="250m", memory="512Mi", budgets=(ONE,), spread="zone", ready=(24, 44),
        grace=90, priority="team-important", version="5.2.0"),
    App("team-bank", "payments-worker", 6, cpu="250m", memory="512Mi", budgets=({"minAvailable": "60%"},),
        ready=(15, 28), grace=120, service=False, version="5.2.0"),
    App("team-bank", "fraud-score", 4, cpu="500m", memory="1Gi", budgets=(ONE,), spread="zone", ready=(44, 80),
        version="2.0.7"),
    App("team-bank", "accounts", 6, cpu="200m", memory="512Mi", budgets=(ONE,), spread="zone", ready=(20, 37),
        version="4.11.5"),
    App("team-bank", "statements", 2, memory="512Mi", budgets=(ONE,), ready=(26, 45), version="1.3.3"),
    App("team-bank", "webhooks-out", 3, ready=(5, 10), spread="zone", version="0.8.1"),
    App("team-bank", "audit-writer", 3, budgets=(ONE,), apart=True, ready=(8, 14), service=False, version="1.0.4"),
)  # fmt: skip

LOGISTICS = (
    App("team-logistics", "tracking-api", 6, cpu="200m", memory="384Mi", budgets=(ONE,), spread="zone", ready=(11, 20),
        version="7.4.2"),
    App("team-logistics", "route-planner", 4, cpu="600m", memory="1536Mi", budgets=(ONE,), ready=(40, 72), grace=60,
        version="2.2.0", on=("z1-general-1", "z2-general-2", "z3-general-4", "z3-general-4")),
    App("team-logistics", "label-printer", 3, ready=(6, 11), version="1.12.0"),
    App("team-logistics", "carrier-sync", 6, ready=(9, 16), budgets=({"maxUnavailable": "50%"},), service=False,
        version="3.0.9"),
    App("team-logistics", "warehouse-ui", 3, ready=(4, 9), budgets=(ONE,), spread="zone", version="9.1.0"),
    App("team-logistics", "geocoder", 3, cpu="300m", memory="1Gi", ready=(58, 100), budgets=(ONE,), version="0.6.6"),
)  # fmt: skip

MEDIA = (
    App("team-media", "image-resizer", 8, cpu="400m", memory="512Mi", budgets=({"maxUnavailable": 2},), ready=(5, 10),
        version="2.8.0"),
    App("team-media", "upload-api", 4, ready=(9, 15), budgets=(ONE,), spread="zone", version="1.7.7"),
    App("team-media", "player-config", 3, ready=(3, 6), spread="zone", version="4.0.1"),
    App("team-media", "transcoder", 4, cpu="800m", memory="1Gi", ready=(12, 20), grace=120, service=False,
        version="1.5.2"),
    App("team-media", "thumbnails", 1, ready=(10, 17), version="0.4.0"),
)  # fmt: skip

PORTAL = (
    App("team-portal", "web", 9, cpu="150m", budgets=({"maxUnavailable": "34%"},), spread="zone", ready=(6, 12),
        scale=(4, 12), version="12.3.0"),
    App("team-portal", "bff", 6, cpu="200m", memory="384Mi", budgets=(ONE,), spread="zone", ready=(13, 22),
        version="12.3.0"),
    App("team-portal", "notifications", 3, budgets=(ONE,), ready=(8, 14), version="2.5.1"),
    App("team-portal", "feature-flags", 3, budgets=(ONE,), apart=True, ready=(4, 8), version="1.0.12"),
    App("team-portal", "docs", 2, spread="zone", ready=(3, 6), version="2026.11.2"),
    App("team-portal", "session-store", 3, "StatefulSet", cpu="100m", memory="512Mi", budgets=(ONE,), apart=True,
        ready=(5, 9), image="docker.io/valkey/valkey", version="9.0.0"),
)  # fmt: skip

LEGACY = (
    # Its budget never lets it go.
    App("team-legacy", "ledger", 1, pool="batch", cpu="500m", memory="2Gi", budgets=({"minAvailable": 1},), ready=(75, 140),
        grace=300, version="4.3.1", on=("z2-batch-1",)),
    # Two budgets over the same pods: the API refuses every eviction.
    App("team-legacy", "report-api", 2, pool="batch", budgets=(ONE, {"minAvailable": 1}), ready=(20, 35), version="2.9.0"),
    App("team-legacy", "batch-gateway", 2, pool="batch", memory="1Gi", grace=3600, ready=(33, 60), version="1.0.2"),
    # Nobody knows how much they need.
    App("team-legacy", "fax-bridge", 3, pool="batch", cpu="", memory="", ready=(4, 8), version="0.2.0"),
    # One of two never gets up, and so the other may not go either.
    App("team-legacy", "mailer", 2, pool="batch", budgets=(ONE,), crashing=1, ready=(9, 14), version="1.6.0"),
)  # fmt: skip

ANALYTICS = (
    App("team-analytics", "query-engine", 3, pool="batch", cpu="2", memory="8Gi", scratch=True, ready=(35, 62), grace=300,
        version="478", image="docker.io/trinodb/trino", service=True),
    App("team-analytics", "notebooks", 3, "StatefulSet", pool="batch", memory="2Gi", storage="20Gi", ready=(22, 40),
        version="4.4.9"),
    # One failure and the job is lost; an eviction counts as one.
    App("team-analytics", "month-end-import", 1, "Job", pool="batch", cpu="1", memory="4Gi", backoff_limit=0, ready=(3, 5),
        grace=120, version="3.1.0", age_days=0, on=("z3-batch-1",), service=False),
    App("team-analytics", "warehouse-export-29392800", 1, "Job", finished=True, ready=(3, 5), version="3.1.0",
        age_days=1, service=False),
    App("team-bank", "reconcile-29393280", 1, "Job", finished=True, ready=(3, 5), version="5.2.0", age_days=0,
        service=False),
    App("velero", "backup-check-29393190", 1, "Job", finished=True, ready=(2, 4), image="docker.io/velero/velero",
        version="1.17.2", age_days=0, service=False),
    App("team-shop", "price-refresh-29393310", 1, "Job", finished=True, ready=(3, 5), version="1.88.0", age_days=0,
        service=False),
)  # fmt: skip

UNMANAGED = App(
    "tools", "debug-shell", 1, "Pod", pool="batch", cpu="50m", image="docker.io/library/debian", version="13",
    ready=(2, 3), on=("z3-batch-1",), service=False, age_days=41,
)  # fmt: skip
"""Somebody's pod, started by hand and forgotten: nothing makes it again."""

TEAMS = (*SHOP, *BANK, *LOGISTICS, *MEDIA, *PORTAL, *LEGACY, *ANALYTICS, UNMANAGED)

CRON_JOBS = (
    ("team-analytics", "warehouse-export", "0 4 * * *"),
    ("team-bank", "reconcile", "0 */6 * * *"),
    ("velero", "backup-check", "30 */3 * * *"),
    ("team-shop", "price-refresh", "30 * * * *"),
)
"""(namespace, name, schedule)."""
