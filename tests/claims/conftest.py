from support.planted_study import calibration, plant, study, verdicts  # noqa: F401
