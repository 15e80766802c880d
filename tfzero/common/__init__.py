"""What every part uses: checks, seeds, schedules, compiled graphs and pages."""
