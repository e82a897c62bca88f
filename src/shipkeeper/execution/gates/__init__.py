"""Gates: small questions to the cluster that fail closed and return what they saw.

``catalogue`` says what each is for; ``keeper`` waits at them, holds, and listens to people.
"""
