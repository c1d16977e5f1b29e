# Starts client/main.py.
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, "/etc/rempart-backup")
from client.main import main

sys.exit(main())
