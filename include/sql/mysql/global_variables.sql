-- Every setting of the server.
SHOW GLOBAL VARIABLES
