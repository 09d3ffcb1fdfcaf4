"""The emulator's process: the ASGI application, the admin routes and the recorded calls."""
