"""The columns of the tables that are made from the measured ones, in file order."""

from carousel.tables.columns import LAG, MODEL, PATH, PLACE, QUANTITY, STAGE, Column, factors

RATE = Column("rate", "float", "value", "decades per step",
              "slope of log10 of the gradient against lag, mean over repetitions; NaN where there is none")  # fmt: skip
INTERVAL = (
    Column("low", "float", "detail", "decades per step", "lower end of the rate's 95 % interval"),
    Column("high", "float", "detail", "decades per step", "upper end of the rate's 95 % interval"),
)
HALF_LIFE = Column("half_life", "float", "value", "steps", "steps that halve the gradient at that rate")


def lost(dtype: str) -> tuple[Column, ...]:
    """The columns that say where a number format loses the gradient."""
    return (
        Column(f"{dtype}_lag", "float", "value", "steps",
               f"lag at which the mean gradient, relative to lag 0, leaves the normal numbers of {dtype}"),
        Column(f"{dtype}_end", "category", "value", "",
               "underflow or overflow; steady: too slow to be extrapolated; unclear: the regime is not known"),
        Column(f"{dtype}_extrapolated", "bool", "detail", "", "whether that lag is beyond those measured"),
    )  # fmt: skip


SUMMARY = (
    *PLACE, *(column for column in MODEL if column.name != "repetition"), *STAGE, QUANTITY, PATH, RATE, *INTERVAL,
    Column("window_low", "float", "detail", "steps", "first lag that the rate is fitted on"),
    Column("window_high", "float", "detail", "steps", "last lag that the rate is fitted on"),
    HALF_LIFE,
    Column("half_life_low", "float", "detail", "steps", "half-life at the lower end of the rate's interval"),
    Column("half_life_high", "float", "detail", "steps", "half-life at the upper end of the rate's interval"),
    *lost("float32"),
    *lost("float64"),
    Column("best", "category", "value", "",
           "what predicts held-out lags best in most repetitions: constant, exponential or power; none: too few lags"),
    Column("best_share", "float", "detail", "1", "share of the repetitions in which it does"),
    Column("regime", "category", "value", "",
           "vanishing, steady or exploding, where the whole interval is; unclear: on both sides of a threshold; "
           "unknown: no interval"),
    Column("margin", "float", "detail", "decades per step", "distance of the interval from the nearer threshold"),
    Column("zero_share", "float", "detail", "1",
           "largest share of exact zeros at a lag of the window, mean over repetitions"),
    Column("repetitions", "int", "count", "models", "repetitions of the setting"),
    Column("law", "category", "detail", "", "the closed form that applies; empty: none does"),
    Column("theory", "float", "detail", "decades per step", "the rate that it predicts"),
)  # fmt: skip
ROUTES = (
    *PLACE, *(column for column in MODEL if column.name != "repetition"), *STAGE, QUANTITY, PATH, LAG,
    Column("left", "float", "value", "decades",
           "log10 of the norm at that lag, relative to the loss's gradient by the last state (cec: to its own lag 0), "
           "mean over repetitions; minus infinity where it is exactly zero"),
    Column("low", "float", "detail", "decades", "lower end of the 95 % interval of what is left"),
    Column("high", "float", "detail", "decades", "upper end of the 95 % interval of what is left"),
    Column("state", "category", "value", "",
           "kept (at least a half is left), vanished (less than a tenth) or weakened, where the whole interval is; "
           "unclear: on both sides of a margin, or no interval"),
    Column("cosine", "float", "value", "1",
           "mean cosine with the gradient by all routes, for loss_state alone: whether as much is also the same"),
    Column("repetitions", "int", "count", "models", "repetitions of the setting"),
)  # fmt: skip
CLAIMS = (
    Column("id", "text", "index", "", "The claim's name, fixed for good; the anchor of its section in report.html."),
    Column("who", "text", "detail", "", "Who said it: in the Q&A the question, a comment or the number of the answer."),
    Column("kind", "category", "detail", "",
           "What kind of claim it is: identity, universal, existence, comparison or trend; "
           "the kind fixes what decides it."),
    Column("statement", "text", "detail", "", "The claim in the project's words."),
    Column("verdict", "category", "value", "",
           "What the measurements say. depends: it holds in one part of the sweep and fails in another. "
           "inconclusive: the study cannot decide."),
    Column("effect", "float", "value", "`unit`", "The number that the verdict rests on, in `unit`."),
    Column("low", "float", "detail", "`unit`", "Lower end of the effect's 95 % interval."),
    Column("high", "float", "detail", "`unit`", "Upper end of the effect's 95 % interval."),
    Column("n", "int", "count", "numbers",
           "How many models the effect rests on; else how many settings were searched, or values compared."),
    Column("unit", "text", "detail", "", "The unit of effect, low, high, and of the effect by backend."),
    Column("rule", "text", "detail", "",
           "What settles the claim, with its thresholds; the report's Limits name what was changed late."),
    Column("{backend}", "float", "detail", "`unit`",
           "The effect as one backend measured it, in a field of the backend's name."),
    Column("condition", "text", "detail", "",
           "What the verdict depends on, or what would settle an inconclusive one; may be empty."),
    Column("depends_on", "text", "detail", "",
           "The factor that a verdict depends on, in a word: that of its threshold, or the one that says most of which "
           "parts hold; empty where it is not depends, or its parts differ in none."),
    Column("takeaway", "text", "detail", "", "One sentence for a practitioner."),
    Column("figure", "text", "detail", "", "The file under figures/ that shows the measurement."),
    Column("alt", "text", "detail", "", "That picture in words."),
    Column("reading", "text", "detail", "", "The formal statement that is decided."),
    Column("prediction", "text", "detail", "", "The verdict that was expected when the claim was written down."),
    Column("settings", "text", "detail", "", "The settings that the verdict rests on."),
    Column("slices", "text", "detail", "", "The slices of the study that they are in, separated by spaces."),
    Column("boundary", "text", "detail", "",
           "The threshold of the verdict in words: a factor of the sweep and the value at which the verdict changes; "
           "empty where there is none."),
    Column("boundary_at", "float", "detail", "the factor's", "The value of that factor."),
    Column("boundary_low", "float", "detail", "the factor's", "Lower end of the 95 % interval of that value."),
    Column("boundary_high", "float", "detail", "the factor's", "Upper end of the 95 % interval of that value."),
    Column("margin", "text", "detail", "", "What counts as a difference, and why; empty where there is no margin."),
    Column("at_half_margin", "text", "detail", "", "The verdict at half that margin; empty where there is none."),
    Column("at_twice_margin", "text", "detail", "", "The verdict at twice that margin; empty where there is none."),
    Column("would_change", "text", "detail", "", "What would change the verdict; empty for an inconclusive one."),
    Column("register", "text", "detail", "",
           "Which claims it is among: standard, those of the package, or the name of the file that brings it."),
    Column("source", "text", "detail", "", "Where it was said, an address; empty for the Q&A."),
    Column("quote", "text", "detail", "", "The words in which it was said there; empty for the Q&A."),
    Column("thresholds", "text", "detail", "",
           "Every number that the deciding code reads, by its module and name; in the tables as JSON."),
    Column("seal", "text", "detail", "", "A hash of what decides the claim: reading, rule, thresholds and code."),
    Column("sealed", "text", "detail", "",
           "When the rule was fixed: sealed before the data or after the data; broken: it is not as it was sealed; "
           "none: it is not sealed."),
    Column("seal_commit", "text", "detail", "", "The commit at which it was sealed; empty for one that is not."),
    Column("seal_date", "text", "detail", "", "The day on which it was sealed; empty for one that is not."),
)  # fmt: skip
EVIDENCE = (
    Column("id", "category", "index", "", "the claim"),
    Column("part", "text", "index", "", "the part of the claim that is decided; all: the space that was searched"),
    Column("backend", "category", "index", "", "the backend that measured it"),
    Column("effect", "float", "value", "the claim's", "the number that decides the part; for an identity its error"),
    Column("low", "float", "detail", "the claim's", "lower end of its 95 % interval over repetitions"),
    Column("high", "float", "detail", "the claim's", "upper end of its 95 % interval over repetitions"),
    Column("shared", "float", "detail", "the claim's", "the effect over the repetitions that every backend measured"),
    Column("margin", "float", "detail", "the claim's", "what counts as a difference"),
    Column("p", "float", "detail", "1", "Student's p against the margin; of an equivalence two one-sided tests'"),
    Column("p_holm", "float", "detail", "1", "p, corrected over the parts of the claim (Holm)"),
    Column("share", "float", "detail", "1", "settings of which every repetition is above the margin"),
    Column("reverse", "float", "detail", "1", "settings of which every repetition is below the margin"),
    Column("state", "category", "value", "",
           "holds, fails, mixed or unclear; beside: no part of the verdict; for a space searched the verdict"),
    Column("why", "text", "detail", "", "of an unclear part every reason why; else empty"),
    Column("settings", "float", "count", "settings", "settings behind the effect"),
    Column("repetitions", "float", "count", "models", "repetitions of each"),
    Column("n", "float", "count", "models", "models behind the effect"),
)  # fmt: skip
AGREEMENT = (
    Column("measure", "text", "index", "", "what is compared between the backends, and on which rows"),
    Column("value", "float", "value", "`unit`", "the largest difference, or how many such rows there are"),
    Column("unit", "text", "detail", "", "unit of the value"),
    Column("n", "int", "count", "rows", "rows that are compared"),
    Column("where", "text", "detail", "", "the row with the largest difference"),
)
SETTING = factors("cell init forget_bias hidden length")
ADVICE = (
    Column("lag", "int", "index", "steps", "how far back the gradient has to reach"),
    Column("choice", "category", "index", "",
           "smallest bias: of the settings that pass, the first to take; steadiest: the one that has changed least; "
           "learned: of those trained on sequences as long or longer, the best in training"),
    *SETTING,
    Column("left", "float", "value", "decades", "what is left of the state's gradient at that lag, as in routes"),
    Column("low", "float", "detail", "decades", "lower end of its 95 % interval"),
    Column("high", "float", "detail", "decades", "upper end of its 95 % interval"),
    Column("input", "float", "value", "decades",
           "log10 of the gradient by the input at that lag, relative to that by the last state"),
    Column("input_low", "float", "detail", "decades", "lower end of its 95 % interval"),
    Column("input_high", "float", "detail", "decades", "upper end of its 95 % interval"),
    Column("changed", "float", "value", "decades",
           "how far the farther end of the state's interval is from no change, the most at any lag up to this one"),
    Column("passes", "bool", "value", "", "whether that is a factor of ten at most"),
    Column("input_lost", "bool", "value", "", "whether less than a hundredth of the input's gradient may be left"),
    Column("n_passed", "int", "count", "settings", "settings of the cell that pass"),
    Column("n", "int", "count", "settings", "settings of the cell that were measured so far back"),
    Column("n_tried", "int", "count", "settings", "settings of the cell that training compares there"),
    Column("trained", "text", "value", "",
           "what the same cell, init and forget bias learned on sequences as long or longer, of any width; empty: "
           "not tried"),
)  # fmt: skip
HALF_LIVES = (*factors("cell init forget_bias drive hidden length"), RATE, *INTERVAL, HALF_LIFE)
LEARNED = (
    *factors("slice task cell init forget_bias length"),
    Column(
        "solved", "int", "count", "seeds", "seeds that solved the task on every backend that trained them"
    ),
    Column("seeds", "int", "count", "seeds", "seeds that were trained"),
    Column("share", "float", "value", "1", "solved of seeds"),
    Column("low", "float", "detail", "1", "lower end of Wilson's 95 % interval of the share"),
    Column("high", "float", "detail", "1", "upper end of Wilson's 95 % interval of the share"),
    Column(
        "steps",
        "float",
        "value",
        "steps",
        "mean to solve it, of those that did not the budget; on the reference",
    ),
    Column(
        "budget",
        "int",
        "detail",
        "steps",
        "steps of training at most: the last evaluation of any run of the slice",
    ),
    Column("learning_rate", "float", "detail", "1", "learning rate of the runs"),
    RATE._replace(
        meaning="rate of the gradient at the same length before training, on the reference backend"
    ),
    HALF_LIFE,
)
PUBLISHED = (
    Column("finding", "text", "index", "", "what others found, in a few words"),
    Column("source", "text", "detail", "", "where they published it: a key of report/references.bib"),
    Column("found", "text", "detail", "", "what they report, in our words"),
    Column("tried", "text", "detail", "", "what is measured here, and in what it differs"),
    Column("relation", "category", "detail", "",
           "order: the effect is to be above the tolerance; plateau: within the tolerance of zero"),
    Column("tolerance", "float", "detail", "`unit`", "what counts as a difference"),
    Column("unit", "text", "detail", "", "unit of tolerance, effect, low and high"),
    Column("why", "text", "detail", "", "the reason for the tolerance"),
    Column("n", "int", "count", "models", "repetitions, of two networks the pairs"),
    Column("effect", "float", "value", "`unit`", "mean over repetitions on the reference backend"),
    Column("low", "float", "detail", "`unit`", "lower end of its 95 % interval"),
    Column("high", "float", "detail", "`unit`", "upper end of its 95 % interval"),
    Column("p", "float", "detail", "1",
           "of an order Student's p against the tolerance, of a plateau two one-sided tests'"),
    Column("outcome", "category", "value", "",
           "reproduced; not reproduced: the effect is on the other side of the tolerance, or undecided; not tried: "
           "the study lacks the rows"),
)  # fmt: skip
TIMINGS = (
    Column("rule", "text", "index", "", "rule of the workflow"),
    Column("jobs", "int", "count", "jobs", "jobs of the rule"),
    Column("wall", "float", "value", "seconds", "their wall time, summed"),
    Column("cpu", "float", "value", "seconds", "their CPU time, summed"),
    Column("longest", "float", "value", "seconds", "wall time of the longest job"),
)
MACHINES = (
    Column("machine", "text", "index", "", "processor and system"),
    Column("gpu", "text", "index", "", "graphics processor; empty for rows measured on the CPU"),
    *factors("device dtype"),
    Column("rows", "int", "count", "rows", "rows of the decay table"),
    Column("settings", "int", "count", "settings", "settings behind them"),
    Column("compared", "int", "count", "rows", "rows before training that were measured here, too"),
    Column("largest", "float", "value", "decades", "their largest difference from those measured here"),
    Column("tolerance", "float", "detail", "decades", "the difference that is allowed"),
    Column("beyond", "int", "count", "rows", "rows that differ by more"),
    Column("where", "text", "detail", "", "the row with the largest difference"),
    Column("other_code", "int", "count", "jobs", "jobs that other code ran than here"),
    Column("folder", "text", "detail", "", "folder of the other machine; empty for this one"),
)
STABILITY = (
    Column("id", "text", "index", "", "the claim"),
    Column("seed", "int", "index", "", "master seed of the study"),
    *(column for column in CLAIMS if column.name in ("verdict", "effect", "low", "high")),
    Column("same", "bool", "value", "", "whether the verdict is that under the study's own seed"),
)
COMPARISON = (
    Column("table", "text", "index", "", "the table that is compared"),
    Column("slice", "text", "index", "", "slice of the study, or system of the calibration"),
    Column("column", "text", "index", "", "the measured column; for a verdict the claim"),
    Column("rows", "int", "count", "rows", "rows on both sides"),
    Column("only_left", "int", "count", "rows", "rows on the first side alone"),
    Column("only_right", "int", "count", "rows", "rows on the second side alone"),
    Column("moved", "int", "count", "rows", "rows that differ by more than rounding"),
    Column("largest", "float", "value", "the column's", "largest difference"),
    Column("in_errors", "float", "value", "1", "largest difference in units of the row's error"),
    Column("where", "text", "detail", "", "the row with the largest difference"),
    Column("old", "text", "detail", "", "verdict on the first side"),
    Column("new", "text", "detail", "", "verdict on the second side"),
)
