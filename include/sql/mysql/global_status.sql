-- Every status counter of the server.
SHOW GLOBAL STATUS
