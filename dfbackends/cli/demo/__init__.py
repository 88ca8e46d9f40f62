"""The main job, shown: in one process, and across two with a line that breaks."""

from dfbackends.cli.demo.command import demo, demo_agent

__all__ = ["demo", "demo_agent"]
