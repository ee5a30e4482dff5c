"""How an adapter is made: data, three stages, recipes, the command line."""

import logging

# On a CPU, bitsandbytes asks at each start for a kernel from the Hub that nothing here needs.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
