"""Every test embeds what it says it embeds: nothing comes from this user's cache, or the network."""

import os

# Here and not in a fixture, so that programs that a test starts have it, too.
os.environ["WIRECHECK_CACHE"] = "off"
os.environ.setdefault("WIRECHECK_DOWNLOAD", "off")
os.environ["WIRECHECK_CHECKER"] = "signals"
