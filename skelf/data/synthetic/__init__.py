"""Made-up figures that move: clips and recordings for demos and tests."""
