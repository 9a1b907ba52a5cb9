"""Motion before it is a clip: kinematics, frame rates, poses into tracks, gaps."""
