"""What the engine and the connectors agree on. Pure Python: no Django, no SQL driver.

Everything above speaks of sources only in these words.
"""
