"""What a column of a table is, the factors that tables share, and the columns of the measured tables, in file order.

A new factor of the decay table is one line here (in MODEL, or in CONDITIONS for one that a slice fixes) and one where
it is measured: what writes, checks, reads, compares and shows the tables asks `schemas` for their columns.
"""

from typing import NamedTuple

TYPES = {
    "category": "one of a few texts",
    "text": "a text",
    "float": "a number; NaN where there is none",
    "int": "a whole number",
    "bool": "true or false",
}
ROLES = {
    "factor": "tells models apart",
    "condition": "a factor with one value for a whole slice; NaN where it means nothing",
    "place": "where the row was measured, not what it is",
    "index": "tells the rows of one model apart",
    "value": "what the row is there for",
    "error": "the standard error of the value",
    "detail": "belongs to the value: a bound, a test, a number beside it",
    "count": "how many the row is made of",
}


class Column(NamedTuple):
    """A column of a table. How a factor is named, where settings are described, stands with it."""

    name: str  # {backend}: one column per backend, called as it is
    type: str  # of TYPES
    role: str  # of ROLES
    unit: str  # "" for a text, "1" for a number without unit
    meaning: str
    words: str = ""  # its name in a list of what varies; "": not listed
    said: str = ""  # a value of it in words; "": the name before the value
    usual: object = None  # the value that goes without saying


PLACE = (
    Column("backend", "category", "factor", "", "the backend that measured the row", said="{}"),
    Column("device", "category", "place", "", "cpu or a CUDA device"),
    Column("dtype", "category", "place", "", "number format of the measurement", words="precision"),
)
MODEL = (
    Column("slice", "category", "factor", "", "the part of the study that asks for the row"),
    Column("cell", "category", "factor", "", "recurrent cell", words="cell", said="{}"),
    Column("init", "category", "factor", "", "how the weights are drawn", words="init", said="{} init"),
    Column("gain", "float", "factor", "1", "factor on the recurrent weights", words="gain", usual=1.0),
    Column("forget_bias", "category", "factor", "",
           "bias of the forget gate, a number or the name of a scheme; none in a cell without one",
           words="forget bias", usual="none"),
    Column("bias", "float", "factor", "1", "bias of the candidate", words="bias", usual=0.0),
    Column("drive", "category", "factor", "",
           "variance that white noise as input gives to a unit's net input; unit: the noise has standard deviation "
           "one, whatever the weights; task: the input is a task's", words="drive", said="drive {}"),
    Column("hidden", "int", "factor", "units", "hidden units", words="hidden size"),
    Column("length", "int", "factor", "steps", "length of the sequences", words="length"),
    Column("repetition", "int", "factor", "", "number of the random draw, from 0"),
)  # fmt: skip
CONDITIONS = (Column("input_size", "int", "condition", "1", "numbers in the input of a step"),)
STACK = (
    Column("layers", "int", "factor", "1", "layers of the stack", words="layers"),
    Column("residual", "bool", "factor", "",
           "whether what a layer reads is added to what it puts out, from the second layer on",
           words="residual connections", said="residual {}", usual=False),
)  # fmt: skip
TASK = Column("task", "category", "factor", "", "the task that is trained on", words="task", said="task {}")
STAGE = (
    Column("trained", "category", "factor", "", "the task that the model was trained on; no before training",
           words="training on", said="trained on {}", usual="no"),
    Column("step", "int", "factor", "steps", "steps of training before the measurement",
           words="step of training", usual=0),
    Column("gradient", "category", "factor", "", "the gradient that trains, full or truncated; none before training",
           words="gradient that trains", said="{} gradient", usual="none"),
)  # fmt: skip
FACTORS = {column.name: column for column in (*MODEL, *CONDITIONS, *STACK, TASK, *STAGE, *PLACE)}
"""What tells models apart, and where they were measured, in the order in which it is listed in words."""


def factors(names: str) -> tuple[Column, ...]:
    """Those of FACTORS that are named."""
    return tuple(FACTORS[name] for name in names.split())


QUANTITY = Column("quantity", "category", "index", "", "what is measured, of the quantities below", said="{}")
PATH = Column("path", "category", "index", "", "the routes that the gradient may take, of the paths below")
LAG = Column("lag", "int", "index", "steps", "steps back from the last state")

DECAY = (
    *PLACE, *MODEL, *STAGE, *CONDITIONS, QUANTITY, PATH, LAG,
    Column("log10_norm", "float", "value", "decades",
           "mean of log10 of the quantity, exact zeros left out; minus infinity where all are zero"),
    Column("n_zero", "int", "count", "numbers", "exact zeros among the n"),
    Column("n_overflow", "int", "count", "numbers",
           "those of the n that are not known, for the forward pass left the range of floats; the mean then is NaN"),
    Column("n", "int", "count", "numbers", "sequences, or sequences times units"),
    Column("cosine", "float", "detail", "1",
           "mean cosine of the path's gradient with the full one, for loss_state alone"),
    Column("error", "float", "error", "decades", "standard error of log10_norm where it is an estimate, else 0"),
)  # fmt: skip
DEPTH = (
    *PLACE, *MODEL, *CONDITIONS, *STACK,
    Column("layer", "int", "index", "1", "the layer whose state it is, from 1, the lowest; 0: the input"),
    LAG._replace(meaning="steps back from the last state; the last input has lag 1"),
    Column("log10_norm", "float", "value", "decades",
           "mean of log10 of the norm of the gradient by the layer's state, of a loss whose gradient by the highest "
           "layer's last output has norm 1; exact zeros left out, minus infinity where all are zero"),
    *(column for column in DECAY if column.role == "count"),
)  # fmt: skip
DYNAMICS = (
    *PLACE, *MODEL, *STAGE, QUANTITY,
    Column("axis", "category", "index", "", "what index counts: exponent, time or unit, from 1; all: nothing"),
    Column("index", "int", "index", "1", "place along the axis"),
    Column("quantile", "float", "index", "1", "which quantile the value is; NaN for the mean, or for one number alone"),
    Column("value", "float", "value", "the quantity's", "the number that was measured"),
    Column("error", "float", "error", "the quantity's", "standard error of an exponent; NaN for all others"),
    Column("n", "int", "count", "numbers", "numbers behind the value; one that is not defined does not count"),
)  # fmt: skip
ACCURACY = (
    *factors("backend device dtype slice cell init gain forget_bias hidden task length repetition gradient"),
    FACTORS["step"]._replace(role="index", meaning="steps of training before the evaluation"),
    Column("learning_rate", "float", "detail", "1", "Adam's learning rate, of the slice or chosen by its tuning"),
    Column("loss", "float", "value", "the task's",
           "mean loss on the test sequences: squared error, or cross entropy in nats; NaN once the model is stopped"),
    Column("accuracy", "float", "value", "1", "share of the answers that are right"),
    Column("solved", "bool", "value", "", "whether that counts as a solution of the task"),
    Column("gradient_norm", "float", "detail", "1", "norm of the gradient before it is clipped"),
    Column("stopped", "int", "detail", "steps",
           "step at which a number was not finite, so that the model stopped; else -1"),
    Column("reason", "category", "detail", "", "the number that was not finite; none where all are"),
    Column("baseline_loss", "float", "detail", "the task's", "loss of the best predictor without memory"),
    Column("baseline_accuracy", "float", "detail", "1", "accuracy of that predictor"),
)  # fmt: skip
TUNING = (
    *factors("backend device dtype slice cell init gain forget_bias hidden task length repetition gradient"),
    Column("learning_rate", "float", "index", "1", "a learning rate of the slice's grid"),
    FACTORS["step"]._replace(role="value", meaning="steps of training until the model solved its task, or all of them"),
    Column("loss", "float", "value", "the task's", "mean loss on the test sequences then; NaN where it is not finite"),
    Column("solved", "bool", "value", "", "whether the model solved its task"),
    Column("chosen", "bool", "detail", "", "whether the slice's repetitions are trained at this rate"),
)  # fmt: skip
CALIBRATION = (
    *PLACE,
    Column("system", "category", "factor", "", "a system whose answer is known", said="{}"),
    Column("statement", "text", "detail", "", "the system and its answer in words"),
    Column("source", "text", "detail", "", "the closed form, and where it is from"),
    QUANTITY, PATH, LAG._replace(meaning="steps back, or the number of the exponent; 0 for a sum of exponents"),
    Column("predicted", "float", "detail", "decades", "what the closed form says; per step for an exponent"),
    Column("measured", "float", "value", "decades", "what the study's own code measures; per step for an exponent"),
    Column("error", "float", "detail", "decades", "the largest difference; of a mean its standard error"),
    Column("tolerance", "float", "detail", "decades", "the error allowed; of a mean in standard errors"),
    Column("in_standard_errors", "float", "detail", "1", "difference of a mean in its standard errors; else NaN"),
    Column("passed", "bool", "detail", "", "whether the difference is allowed"),
    Column("n", "int", "index", "numbers", "numbers compared, or models in the mean: a system may have both rows"),
)  # fmt: skip
