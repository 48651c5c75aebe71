"""The parts of the sandbox: one module each, which starts a server and says where it is."""
