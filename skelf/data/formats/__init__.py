"""The parts of file formats that several readers and writers share."""
