"""Networks as torchvision builds them: its weights, by its names, give the same outputs and gradients."""

import numpy as np
import pytest

from goldfish import io, nn

torch = pytest.importorskip("torch", reason="torch is not installed; `make oracles` installs it")
pytestmark = pytest.mark.oracle

WIDTHS = (4, 8, 12, 16)
CLASSES = 5
F8 = {"dtype": "float64"}


class BasicBlock(torch.nn.Module):
    """torchvision.models.resnet.BasicBlock."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(outputs)
        self.relu = torch.nn.ReLU(inplace=True)
        self.conv2 = torch.nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            shortcut = torch.nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = torch.nn.Sequential(shortcut, torch.nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(torch.nn.Module):
    """torchvision.models.resnet18, narrower."""

    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, WIDTHS[0], 7, 2, 3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(WIDTHS[0])
        self.maxpool = torch.nn.MaxPool2d(3, 2, 1)
        below = WIDTHS[0]
        for number, width in enumerate(WIDTHS):
            blocks = BasicBlock(below, width, 1 if number == 0 else 2), BasicBlock(width, width, 1)
            setattr(self, f"layer{number + 1}", torch.nn.Sequential(*blocks))
            below = width
        self.fc = torch.nn.Linear(below, CLASSES)

    def forward(self, x):
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        for number in range(1, 5):
            x = getattr(self, f"layer{number}")(x)
        return self.fc(x.mean(dim=(2, 3)))


def basic_block(inputs, outputs, stride):
    nodes = {
        "conv1": (nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False, **F8), "x"),
        "bn1": (nn.BatchNorm2d(outputs, **F8), "conv1"),
        "relu1": (nn.ReLU(), "bn1"),
        "conv2": (nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False, **F8), "relu1"),
        "bn2": (nn.BatchNorm2d(outputs, **F8), "conv2"),
    }
    shortcut = "x"
    if stride != 1 or inputs != outputs:
        shortcut = "downsample"
        layers = nn.Conv2d(inputs, outputs, 1, stride, bias=False, **F8), nn.BatchNorm2d(outputs, **F8)
        nodes[shortcut] = (nn.Sequential(*layers), "x")
    nodes |= {"sum": ("add", "bn2", shortcut), "relu2": (nn.ReLU(), "sum")}
    return nn.Graph(nodes, "x", "relu2")


def resnet():
    stages, below = {}, WIDTHS[0]
    for number, width in enumerate(WIDTHS):
        blocks = basic_block(below, width, 1 if number == 0 else 2), basic_block(width, width, 1)
        stages[f"layer{number + 1}"] = nn.Sequential(*blocks)
        below = width
    return nn.Sequential(
        conv1=nn.Conv2d(3, WIDTHS[0], 7, 2, 3, bias=False, **F8),
        bn1=nn.BatchNorm2d(WIDTHS[0], **F8),
        relu=nn.ReLU(),
        maxpool=nn.MaxPool2d(3, 2, 1),
        **stages,
        avgpool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        fc=nn.Linear(below, CLASSES, **F8),
    )


class VGG(torch.nn.Module):
    """torchvision.models.vgg11_bn, narrower and shorter."""

    def __init__(self):
        super().__init__()
        self.features = torch.nn.Sequential(*_vgg_features(torch.nn))
        self.avgpool = torch.nn.AdaptiveAvgPool2d((3, 3))
        self.classifier = torch.nn.Sequential(
            torch.nn.Linear(72, 10), torch.nn.ReLU(True), torch.nn.Dropout(), torch.nn.Linear(10, CLASSES)
        )

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def _vgg_features(library, **options):
    for inputs, outputs in ((3, 4), (4, 8)):
        yield library.Conv2d(inputs, outputs, 3, padding=1, **options)
        yield library.BatchNorm2d(outputs, **options)
        yield library.ReLU()
        yield library.MaxPool2d(2, 2)


def vgg():
    return nn.Sequential(
        features=nn.Sequential(*_vgg_features(nn, **F8)),
        avgpool=nn.AdaptiveAvgPool2d((3, 3)),
        flatten=nn.Flatten(),
        classifier=nn.Sequential(nn.Linear(72, 10, **F8), nn.ReLU(), nn.Dropout(), nn.Linear(10, CLASSES, **F8)),
    )


@pytest.fixture(params=[(resnet, ResNet), (vgg, VGG)], ids=["resnet", "vgg"])
def pair(request, tmp_path, rng):
    """Our network with the weights of theirs, whose running moments are not the initial ones."""
    make, module_class = request.param
    torch.manual_seed(0)
    module = module_class().double()
    for _ in range(3):
        module(torch.from_numpy(rng.standard_normal((6, 3, 40, 40)) * 2 + 1))
    torch.save(module.state_dict(), tmp_path / "weights.pth")
    model = make()
    state = io.load_torch_state(tmp_path / "weights.pth")
    assert list(model.state_dict()) == list(state)
    model.load_state_dict(state)
    return model, module


def test_outputs_are_equal(pair, rng):
    model, module = pair
    x = rng.standard_normal((2, 3, 40, 40))
    expected = module.eval()(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(model(x), expected, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(model.prepare()(x), expected, rtol=1e-9, atol=1e-11)


def test_gradients_are_equal(pair, rng):
    model, module = pair
    x, slope = rng.standard_normal((4, 3, 40, 40)), rng.standard_normal((4, CLASSES))
    for dropout in (layer for layer in module.modules() if isinstance(layer, torch.nn.Dropout)):
        dropout.p = 0.0
    if isinstance(module, VGG):
        model["classifier"][2].p = 0.0
    expected = module.train()(torch.from_numpy(x))
    expected.backward(torch.from_numpy(slope))
    y, backward = model.forward(x)
    backward(slope)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-8, atol=1e-10)
    for name, parameter in module.named_parameters():
        *path, last = name.split(".")
        layer = model
        for step in path:
            layer = layer.children[step]
        np.testing.assert_allclose(layer.grads[last], parameter.grad.numpy(), rtol=1e-7, atol=1e-9, err_msg=name)


def test_a_missing_and_a_strange_key_are_named(pair):
    model, _ = pair
    state = dict(model.state_dict())
    last = list(state)[-1]
    state["stranger"] = state.pop(last)
    with pytest.raises(ValueError, match=rf"missing keys \['{last}'\]; unexpected keys \['stranger'\]"):
        model.load_state_dict(state)
