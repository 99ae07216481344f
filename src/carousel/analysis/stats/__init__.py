"""Rates, intervals and tests: functions from the measured tables to smaller tables."""
