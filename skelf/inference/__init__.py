"""A model that people use: encoder, head, preparation and calibration in one folder."""
