#!/usr/bin/env python3
"""Edits a picture through forgedit's C API: edit_picture.py OPTIONS REQUEST, both JSON objects, as

    edit_picture.py '{"device": "cpu"}' '{"picture": "dog.jpg", "target": "a cat", "out": "out"}'
"""
import ctypes
import json
import sys

API_VERSION = 0  # FORGEDIT_API_VERSION of the forgedit.h that this was written after
OK, FAILURE, USAGE, STOPPED, BUSY = range(5)
CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p)


def load(name="libforgedit.so.0"):
    library = ctypes.CDLL(name)
    library.forgedit_open.restype = ctypes.c_void_p
    library.forgedit_open.argtypes = [ctypes.c_int, ctypes.c_char_p]
    library.forgedit_run.argtypes = [ctypes.c_void_p, ctypes.c_char_p, CALLBACK, ctypes.c_void_p]
    library.forgedit_last_error.restype = ctypes.c_char_p
    library.forgedit_last_error.argtypes = [ctypes.c_void_p]
    library.forgedit_stop.argtypes = library.forgedit_close.argtypes = [ctypes.c_void_p]
    return library


class Engine:
    """One model, kept in memory from one request to the next."""

    def __init__(self, **options):
        self._library = load()
        self._engine = self._library.forgedit_open(API_VERSION, json.dumps(options).encode())
        if not self._engine:
            raise RuntimeError(self._library.forgedit_last_error(None).decode())

    def run(self, request, on_event=lambda event: None):
        """Runs a request; `on_event` gets each event as a dict, and stops the job where it returns True."""

        def take(event, _):
            if on_event(json.loads(event)):
                self._library.forgedit_stop(self._engine)

        status = self._library.forgedit_run(self._engine, json.dumps(request).encode(), CALLBACK(take), None)
        if status not in (OK, STOPPED):
            raise RuntimeError(self._library.forgedit_last_error(self._engine).decode())
        return status == OK

    def close(self):
        self._library.forgedit_close(self._engine)
        self._engine = None


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        engine = Engine(**json.loads(sys.argv[1]))
        engine.run(json.loads(sys.argv[2]), print_pictures)
        engine.close()
    except RuntimeError as error:
        sys.exit(f"edit_picture.py: {error}")


def print_pictures(event):
    if event["event"] == "picture":
        print(event["file"])


if __name__ == "__main__":
    main()
