"""Asset checks: facts that should hold, blocking where what follows would be wrong."""
