# Starts server/main.py.
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, "/etc/rempart-ingest")
from server.main import main

sys.exit(main())
