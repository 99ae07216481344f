"""Modules inside networks and wrappers, derived weights and hooks: measured as what they compute, or refused."""

import threading

import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm, weight_norm
from torch.nn.utils.rnn import pack_padded_sequence
from torch.optim.swa_utils import AveragedModel

import carousel
from carousel.diagnosis import ModuleError

T, B, D, H = 14, 2, 3, 4


def noise(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def made(kind, *args, **options):
    torch.manual_seed(5)
    return kind(*args, **options).double()


def table(module, xs, state=None, **options):
    return carousel.diagnose(module, xs, state, exponents=0, higher=(), **options).decay


def same(one, other):
    pd.testing.assert_frame_equal(one, other, rtol=1e-11, atol=1e-11)


def same_joint(one, other):
    """The norms of the joint state agree; the blocks of one layer are not those of a module of one's own."""
    parts = [each[each["quantity"].isin(["jacobian_fro", "jacobian_spec"])] for each in (one, other)]
    same(*(each.reset_index(drop=True) for each in parts))


class Network(nn.Module):
    """Words to an encoder, its outputs to a cell in a loop, and those to a decoder, one step at a time."""

    def __init__(self, packs=False):
        super().__init__()
        self.words, self.packs = nn.Embedding(9, D), packs
        self.encoder = nn.ModuleDict({"rnn": nn.LSTM(D, H, num_layers=2, batch_first=True, dropout=0.3)})
        self.cell, self.decoder, self.head = nn.LSTMCell(H, H), nn.GRU(H, H), nn.Linear(H, 9)
        self.unused = nn.GRU(H, H)

    def forward(self, words, lengths=None):
        xs = self.words(words)
        if lengths is not None:
            return self.encoder["rnn"](pack_padded_sequence(xs, lengths, batch_first=True))[0].data
        out, _ = self.encoder["rnn"](xs)
        state, hidden, last = None, torch.ones(1, len(words), H, dtype=out.dtype), []
        for x in out.unbind(1):
            state = self.cell(x, state)
            y, hidden = self.decoder(state[0][None], hx=hidden)
            last.append(self.head(y))
        return torch.stack(last)


@pytest.fixture
def network():
    return made(Network)


@pytest.fixture
def words():
    return torch.randint(9, (B, T), generator=torch.Generator().manual_seed(2))


def test_a_layer_of_a_network_is_measured_on_what_it_reads_there(network, words):
    xs = network.words(words).detach()
    same(table(network, words, layer="encoder.rnn"), table(network.encoder["rnn"], xs))
    assert network.training


def test_a_cell_in_a_loop_of_a_network_is_measured_over_its_calls(network, words):
    plain = network.eval()
    xs = plain.encoder["rnn"](plain.words(words))[0].detach().transpose(0, 1)
    same(table(network, words, layer="cell"), table(plain.cell, xs))
    state, hs = None, []
    for x in xs:
        state = plain.cell(x, state)
        hs.append(state[0].detach())
    start = torch.ones(1, B, H, dtype=torch.float64)
    same(table(network, words, layer="decoder"), table(plain.decoder, torch.stack(hs), start))


def test_a_packed_sequence_inside_a_network(network, words):
    lengths = torch.tensor([T, 6])
    xs = pack_padded_sequence(network.words(words).detach(), lengths, batch_first=True)
    wanted = table(network.encoder["rnn"], xs)
    same(table(network, (words, lengths), layer="encoder.rnn"), wanted)
    same(table(network, {"words": words, "lengths": lengths}, layer="encoder.rnn"), wanted)


def test_a_module_in_a_sequence_of_modules_goes_by_its_number():
    network, xs = made(nn.Sequential, nn.Linear(5, D), nn.Tanh(), nn.GRU(D, H)), noise(T, B, 5)
    same(table(network, xs, layer="2"), table(network[2], network[:2](xs).detach()))
    with pytest.raises(ModuleError, match=r"of a network, give a layer: 2$"):
        carousel.diagnose(network, xs)


class Pieces(nn.Module):
    """A layer that reads a sequence in pieces, or a cell that reads one step of it."""

    def __init__(self, kind, batch_first=False):
        super().__init__()
        options = {"batch_first": True} if batch_first else {}
        self.net, self.axis = kind(D, H, **options), int(batch_first)

    def forward(self, xs):
        state = None
        for x in xs.split(4, self.axis) if isinstance(self.net, nn.RNNBase) else xs:
            found = self.net(x) if state is None else self.net(x, state)
            state = found[1] if isinstance(self.net, nn.RNNBase) else found
            x.zero_()  # what it read is written over
        return state


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_a_layer_that_reads_pieces_is_measured_over_all_of_them(kind, batch_first):
    network, xs = made(Pieces, kind, batch_first), noise(10, B, D)
    given = xs.transpose(0, 1).clone() if batch_first else xs.clone()
    plain = made(kind, D, H)
    plain.load_state_dict(network.net.state_dict())
    same(table(network, given, layer="net"), table(plain, xs))
    network.axis = 0  # of one sequence without a batch
    same(table(network, xs[:, 0].clone(), layer="net"), table(plain, xs[:, :1]))


@pytest.mark.parametrize("kind", [nn.LSTMCell, nn.GRUCell])
@pytest.mark.parametrize("length", [1, 6])
def test_a_cell_reads_a_step_a_call_if_it_is_one_call_too(kind, length):
    network, xs = made(Pieces, kind), noise(length, B, D)
    same(table(network, xs.clone(), layer="net"), table(network.net, xs))


class Twice(nn.Module):
    """A module that calls its layer on two sequences, or with more than it reads."""

    def __init__(self, call):
        super().__init__()
        self.net, self.call = nn.GRU(D, H), call

    def forward(self, xs):
        return self.call(self.net, xs)


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda net, xs: (net(xs), net(xs.flip(0))), r"^layer: net is called 2 times, not each time on"),
        (lambda net, xs: xs, r"^layer: net is not called in the forward pass"),
        (lambda net, xs: xs @ xs, r"^module: its forward pass fails on the inputs: "),
    ],
)
def test_a_layer_that_is_no_single_recurrence_in_its_network_is_refused(call, line):
    with pytest.raises(ModuleError, match=line):
        carousel.diagnose(made(Twice, call), noise(T, B, D), layer="net")


def test_a_name_that_is_not_there_is_refused_with_those_that_are(network, words):
    with pytest.raises(
        ModuleError, match=r"^layer: found 'rnn'; allowed: encoder.rnn, cell, decoder, unused"
    ):
        carousel.diagnose(network, words, layer="rnn")
    with pytest.raises(ModuleError, match=r"^state: found one, and a layer"):
        carousel.diagnose(network, words, torch.zeros(1), layer="cell")


def compiled(module):
    return torch.compile(module, backend="eager")


WRAPPED = {
    "compiled": compiled,
    "data parallel": nn.DataParallel,
    "averaged": AveragedModel,
    "both": lambda module: nn.DataParallel(compiled(module)),
}


@pytest.mark.parametrize("wrap", WRAPPED)
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRUCell])
def test_a_wrapper_is_measured_as_the_module_in_it(wrap, kind):
    module, xs = made(kind, D, H), noise(T, 1, D)
    same(table(WRAPPED[wrap](module), xs), table(module, xs))


@pytest.mark.parametrize("name", ["encoder.rnn", "module.encoder.rnn", "_orig_mod.encoder.rnn"])
def test_a_layer_inside_wrappers_has_its_name_with_and_without_them(name, network, words):
    wanted = table(network, words, layer="encoder.rnn")
    same(table(nn.DataParallel(network), words, layer=name), wanted)
    network.encoder["rnn"] = compiled(network.encoder["rnn"])
    same(table(network, words, layer=name), wanted)


def plain_twin(module):
    """An LSTM with the weights that `module` computes in evaluation mode."""
    twin = nn.LSTM(D, H).double()
    module.eval()(noise(2, 1, D))
    with torch.no_grad():
        for name in dict(twin.named_parameters()):
            getattr(twin, name).copy_(getattr(module, name))
    return twin


class Halved(nn.Module):
    def forward(self, weight):
        return weight / 2


DERIVED = {
    "weight norm": lambda module: weight_norm(module, "weight_hh_l0"),
    "weight norm of both": lambda module: weight_norm(
        weight_norm(module, "weight_hh_l0"), "weight_ih_l0", dim=1
    ),
    "spectral norm": lambda module: spectral_norm(module, "weight_hh_l0"),
    "pruned": lambda module: prune.l1_unstructured(module, "weight_hh_l0", amount=0.5),
    "pruned twice": lambda module: prune.random_unstructured(
        prune.ln_structured(module, "weight_hh_l0", amount=0.3, n=2, dim=0), "weight_hh_l0", amount=0.3
    ),
    "parametrised": lambda module: parametrizations.spectral_norm(module, "weight_hh_l0"),
    "orthogonal": lambda module: parametrizations.orthogonal(module, "weight_hh_l0"),
    "of the user": lambda module: (
        parametrize.register_parametrization(module, "weight_ih_l0", Halved()) or module
    ),
}


@pytest.mark.parametrize("name", DERIVED)
@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_derived_weight_is_measured_as_what_it_is_now(name, trained):
    module = made(nn.LSTM, D, H)
    if name == "orthogonal":
        nn.init.orthogonal_(module.weight_hh_l0[:H])
    module, xs = DERIVED[name](module) or module, noise(T, B, D)
    if trained:  # the tensor that the last forward pass has left is of another weight
        module(xs)
        with torch.no_grad():
            for weight in module.parameters():
                weight.mul_(0.8).add_(0.05)
    found = table(module.train(), xs)
    same(found, table(plain_twin(module), xs))


@pytest.mark.parametrize("name", ["weight norm", "pruned"])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_derived_weight_inside_a_step_of_one_s_own_follows_its_dtype(name):
    class Step(nn.Module):
        hidden_size = H

        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(D + H, H)

        def forward(self, x, h):
            h = self.linear(torch.cat([x, h], 1)).tanh()
            return h, h

    torch.manual_seed(0)
    module, plain, xs = Step(), Step(), noise(T, B, D).float()
    if name == "pruned":
        prune.l1_unstructured(module.linear, "weight", amount=0.4)
    else:
        weight_norm(module.linear)
    module(xs[0], torch.zeros(B, H))
    with torch.no_grad():
        plain.linear.weight.copy_(module.linear.weight), plain.linear.bias.copy_(module.linear.bias)
    pd.testing.assert_frame_equal(table(module, xs), table(plain, xs), rtol=1e-5, atol=1e-5)


def doubled(module, args):
    return (2 * args[0], *args[1:])


HOOKS = {
    "before": lambda module: module.register_forward_pre_hook(doubled),
    "after": lambda module: module.register_forward_hook(lambda m, args, out: None),
    "backward": lambda module: module.register_full_backward_hook(lambda m, before, after: None),
    "everywhere": lambda module: nn.modules.module.register_module_forward_hook(lambda m, args, out: None),
}


@pytest.mark.parametrize("where", HOOKS)
@pytest.mark.parametrize("inside", [False, True])
def test_a_hook_of_the_user_s_is_named_and_not_called(where, inside):
    module = made(nn.GRUCell, D, H) if inside else made(nn.LSTM, D, H)
    outer = nn.ModuleDict({"net": module}) if inside else module
    handle = HOOKS[where](module)
    try:
        with pytest.raises(ModuleError, match="hook") as caught:
            carousel.diagnose(outer, noise(T, B, D))
        assert "\n" not in str(caught.value)
    finally:
        handle.remove()
    if not inside:
        carousel.diagnose(module, noise(T, B, D), exponents=0)


class Rescaled(nn.LSTM):
    """torch's forward function, with a step of its own in it: what each call reads of the state is half of it."""

    def permute_hidden(self, hx, permutation):
        return tuple(0.5 * s for s in hx)


class Called(nn.GRU):
    """A class that changes its inputs before torch's forward function does anything."""

    def __call__(self, xs, state=None):
        return super().__call__(xs**2, state)


def patched(module):
    before = module.forward
    module.forward = lambda xs, state=None: before(3 * xs, state)
    return module


def test_a_class_with_something_of_its_own_is_measured_by_what_it_computes():
    xs, state = noise(T, B, D), noise(1, B, H, seed=3)
    gru = made(nn.GRU, D, H)
    wanted = table(gru, xs**2, state)
    called = Called(D, H).double()
    called.load_state_dict(gru.state_dict())
    same_joint(table(called, xs, state), wanted)
    same_joint(table(patched(gru), xs, state), table(made(nn.GRU, D, H), 3 * xs, state))


def test_a_class_whose_layers_are_not_what_its_weights_say_is_not_read_by_them():
    with pytest.raises(ModuleError, match="another state of all steps at once than step by step"):
        carousel.diagnose(made(Rescaled, D, H), noise(T, B, D), tuple(noise(2, 1, B, H, seed=3)))


def test_a_tensor_that_autograd_left_in_a_module_is_copied_detached():
    module, xs = made(nn.GRU, D, H), noise(T, B, D)
    wanted = table(module, xs)
    module.derived = [2 * module.weight_hh_l0]
    same(table(module, xs), wanted)
    assert module.derived[0].requires_grad
    module.lock = threading.Lock()
    with pytest.raises(ModuleError, match=r"^module: cannot be copied: "):
        carousel.diagnose(module, xs)
