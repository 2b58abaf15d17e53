"""scikit-learn estimators over `goldfish.nn`.

>>> from goldfish.models import ConvNetClassifier
>>> ConvNetClassifier(image_shape=(1, 8, 8), max_iter=30, random_state=0)
ConvNetClassifier(image_shape=(1, 8, 8), max_iter=30, random_state=0)
"""

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise ImportError("goldfish.models needs scikit-learn: pip install 'goldfish[sklearn]'") from error

from goldfish.models.convnet import ConvNetClassifier, ConvNetRegressor
from goldfish.models.features import FeatureExtractor
from goldfish.models.language import CharLanguageModel
from goldfish.models.recurrent import RecurrentClassifier, RecurrentRegressor
from goldfish.models.seq2seq import Seq2Seq
from goldfish.models.sequence_generator import SequenceGenerator
from goldfish.models.tagger import SequenceTagger
from goldfish.models.tokenizer import Tokenizer

__all__ = [
    "CharLanguageModel",
    "ConvNetClassifier",
    "ConvNetRegressor",
    "FeatureExtractor",
    "RecurrentClassifier",
    "RecurrentRegressor",
    "Seq2Seq",
    "SequenceGenerator",
    "SequenceTagger",
    "Tokenizer",
]
