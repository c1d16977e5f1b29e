# Starts server/visit.py.
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, "/etc/rempart-ingest")
from server.visit import main

sys.exit(main())
