"""Use cases, and the composition root: the only place that builds real adapters.

The sentence the whole program says::

    inventory = await survey(source)                   # what runs
    due       = assess(inventory, platform, now)       # what must be done by when, and what is in the way
    plan      = propose(inventory, request, platform)  # ordered steps in a window
    forecast  = rehearse(plan, inventory, seeds)       # the same executor, on the twin, in virtual time
    run       = await carry_out(plan, ...)             # durable, resumable, stops safe
    report    = prove(run, forecast)                   # record, report: predicted against actual
"""
