"""The main job: the five policies side by side, questioned, beside what happened, and the files that it leaves."""
