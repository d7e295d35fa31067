"""Running graphs: devices, sessions, compiled steps, the training loop, data, files."""
