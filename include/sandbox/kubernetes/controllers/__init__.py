"""The control loops: each watches some resources and makes what the specs ask for come true."""
