"""Observe, diff, plan, guard, apply: how a host gets from what it is to what the policy wants."""
