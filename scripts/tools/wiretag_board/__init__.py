"""Pictures of the dashboard: a recorded run, its panels' own queries, SVG."""
