"""FeatureExtractor: layers by number and by name, batches, kinds of input, contracts and errors."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from goldfish import nn
from goldfish.models import ConvNetClassifier, FeatureExtractor

PHOTOS = np.random.default_rng(0).standard_normal((10, 3, 8, 8)).astype(np.float32)


def chain():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, rng=0), nn.ReLU(), pool=nn.MaxPool2d(2), flat=nn.Flatten(), head=nn.Linear(36, 5, rng=1)
    )


def graph():
    return nn.Graph(
        {
            "conv": (nn.Conv2d(3, 4, 3, padding=1, rng=0), "x"),
            "skip": (nn.Conv2d(3, 4, 1, rng=1), "x"),
            "sum": ("add", "conv", "skip"),
            "pool5": (nn.AdaptiveAvgPool2d(1), "sum"),
            "flat": (nn.Flatten(), "pool5"),
            "head": (nn.Linear(4, 5, rng=2), "flat"),
        },
        outputs="head",
    )


def nested():
    return nn.Sequential(
        features=nn.Sequential(nn.Conv2d(3, 4, 3, rng=0), nn.ReLU()), flat=nn.Flatten(), head=nn.Linear(144, 5)
    )


@pytest.mark.parametrize(
    "layer, end", [(-2, 4), (-1, 5), (0, 1), (2, 3), ("1", 2), ("pool", 3), ("head", 5), (np.int64(-3), 3)]
)
def test_layers_of_a_chain(layer, end):
    model = chain()
    expected = model[:end](PHOTOS)
    assert np.array_equal(FeatureExtractor(model, layer, flatten=False).transform(PHOTOS), expected)
    assert np.array_equal(FeatureExtractor(model, layer).transform(PHOTOS), expected.reshape(10, -1))


@pytest.mark.parametrize("layer", ["pool5", "sum", -2, 0])
def test_layers_of_a_graph(layer):
    model = graph()
    name = layer if isinstance(layer, str) else model.order[layer]
    expected = model.up_to(name)(PHOTOS)
    np.testing.assert_allclose(FeatureExtractor(model, layer, flatten=False).transform(PHOTOS), expected, rtol=1e-6)


def test_layers_of_nested_chains():
    model = nested()
    expected = model["features"][:1](PHOTOS).reshape(10, -1)
    assert np.array_equal(FeatureExtractor(model, "features.0").transform(PHOTOS), expected)
    assert np.array_equal(FeatureExtractor(model, "features").transform(PHOTOS), np.maximum(expected, 0))


def test_batches_do_not_matter():
    whole = FeatureExtractor(chain()).transform(PHOTOS)
    for size in (1, 3, 10, 99):
        np.testing.assert_allclose(FeatureExtractor(chain(), batch_size=size).transform(PHOTOS), whole, rtol=1e-5)


def test_numbers_take_the_dtype_of_the_network():
    bytes_ = (PHOTOS * 50).astype(np.uint8)
    expected = FeatureExtractor(chain()).transform(bytes_.astype(np.float32))
    for dtype in (np.uint8, np.float64, np.int32):
        found = FeatureExtractor(chain()).transform(bytes_.astype(dtype))
        assert found.dtype == np.float32
        assert np.array_equal(found, expected)
    double = nn.Sequential(nn.Flatten(), nn.Linear(192, 2, dtype="float64"), nn.ReLU())
    assert FeatureExtractor(double).transform(PHOTOS).dtype == np.float64


def test_sequences():
    model = nn.Sequential(nn.Embedding(9, 4, rng=0), nn.GRU(4, 6, output="last", rng=1), nn.Linear(6, 2, rng=2))
    tokens = [np.array([1, 2, 3]), np.array([], np.int64), np.array([8])]
    features = FeatureExtractor(model, batch_size=2).transform(tokens)
    assert features.shape == (3, 6)
    for row, sequence in zip(features, tokens, strict=True):
        np.testing.assert_allclose(row, model[:2](sequence[None])[0], rtol=1e-5, atol=1e-7)
    assert np.array_equal(
        FeatureExtractor(model).transform(np.array([[1, 2]])), FeatureExtractor(model).transform([[1, 2]])
    )
    series = nn.Sequential(nn.GRU(2, 6, output="last", rng=1), nn.Linear(6, 2, rng=2))
    assert FeatureExtractor(series).transform([np.ones((3, 2)), np.ones((1, 2))]).dtype == np.float32
    steps = nn.Sequential(nn.GRU(2, 6, rng=1), nn.Linear(6, 2, rng=2))
    with pytest.raises(ValueError, match=r"layer -2 expected to return one row for each sequence of a list, got shape"):
        FeatureExtractor(steps).transform([np.ones((3, 2)), np.ones((1, 2))])


def test_contracts():
    extractor = FeatureExtractor(chain(), "pool", flatten=False, batch_size=4)
    assert vars(extractor) == extractor.get_params(deep=False)
    copied = clone(extractor)
    assert copied.model is not extractor.model
    assert np.array_equal(copied.transform(PHOTOS), extractor.transform(PHOTOS))
    again = pickle.loads(pickle.dumps(extractor.fit(PHOTOS)))
    assert np.array_equal(again.transform(PHOTOS), extractor.transform(PHOTOS))
    before = {name: value.copy() for name, value in extractor.model.state_dict().items()}
    assert np.array_equal(extractor.fit_transform(PHOTOS, np.arange(10)), extractor.transform(PHOTOS))
    assert all(np.array_equal(value, before[name]) for name, value in extractor.model.state_dict().items())
    assert FeatureExtractor(chain()).fit(PHOTOS).get_feature_names_out()[:2].tolist() == [
        "featureextractor0",
        "featureextractor1",
    ]
    piped = make_pipeline(FeatureExtractor(chain()), StandardScaler()).fit(PHOTOS)
    assert piped.transform(PHOTOS).shape == (10, 36)


@pytest.mark.parametrize(
    "model, layer, error, message",
    [
        (chain(), 5, ValueError, "layer must be one of 5 layers, got 5"),
        (chain(), -6, ValueError, "layer must be one of 5 layers, got -6"),
        (chain(), "pool5", ValueError, r"layer must be one of \['0', '1', 'pool', 'flat', 'head'\], got 'pool5'"),
        (chain(), "pool.0", TypeError, "model must be a Sequential or a Graph, got MaxPool2d"),
        (graph(), "conv.0", ValueError, "layer must be a node of the graph"),
        (nn.Linear(2, 2), -2, TypeError, "model must be a Sequential or a Graph, got Linear"),
        (
            ConvNetClassifier(),
            -2,
            TypeError,
            "model must be a network, got a ConvNetClassifier; once fitted, its network",
        ),
        ("vgg", -2, ValueError, "The 'model' parameter of FeatureExtractor must be an instance of"),
        (chain(), 1.5, ValueError, "The 'layer' parameter of FeatureExtractor must be"),
    ],
)
def test_wrong_layers(model, layer, error, message):
    with pytest.raises(error, match=message):
        FeatureExtractor(model, layer).fit(PHOTOS)


@pytest.mark.parametrize(
    "X, error, message",
    [
        (np.full_like(PHOTOS, np.nan), ValueError, "Input contains NaN|Input X contains NaN"),
        (PHOTOS[:, :2], ValueError, r"Sequential\[0\] Conv2d\(3, 4, 3\): expected x of shape|3 channels"),
        (PHOTOS[:0], ValueError, "0 sample"),
        (["photo"], TypeError, r"X\[0\] must be an array of numbers, got str"),
    ],
)
def test_wrong_samples(X, error, message):
    with pytest.raises(error, match=message):
        FeatureExtractor(chain()).transform(X)
