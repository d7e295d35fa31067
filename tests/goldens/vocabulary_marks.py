"""What each name of Keras weighs for us: M must, S should, C could. Plain data.

The groups are those of a survey of Keras 3; a path with a colon is a member of a class.
"""

from __future__ import annotations

Marks = dict[str, list[str]]


def marked(module: str, must: str = "", should: str = "", could: str = "") -> Marks:
    """Paths by mark, from words; ``module`` ends in "." or ":" or is empty."""
    lists = {"M": must, "S": should, "C": could}
    return {mark: [f"{module}{name}" for name in names.split()] for mark, names in lists.items()}


def joined(*parts: Marks) -> Marks:
    """Several tables as one."""
    return {mark: [path for part in parts for path in part[mark]] for mark in "MSC"}


LAYERS: list[tuple[str, Marks]] = [
    ("base and core", marked("layers.",
        "Layer Input InputLayer Dense Embedding Lambda Masking Identity Wrapper",
        "EinsumDense serialize deserialize", "ReversibleEmbedding")),
    ("activation", marked("layers.", "Activation ReLU LeakyReLU Softmax ELU", "PReLU")),
    ("convolution", marked("layers.",
        "Conv1D Conv2D Conv2DTranspose DepthwiseConv2D SeparableConv2D",
        "Conv1DTranspose SeparableConv1D DepthwiseConv1D Conv3D", "Conv3DTranspose")),
    ("pooling", marked("layers.",
        "MaxPooling1D MaxPooling2D AveragePooling1D AveragePooling2D GlobalAveragePooling1D "
        "GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D",
        "MaxPooling3D AveragePooling3D GlobalAveragePooling3D GlobalMaxPooling3D",
        "AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D "
        "AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D")),
    ("recurrent", marked("layers.", "LSTM GRU SimpleRNN Bidirectional TimeDistributed",
        "RNN LSTMCell GRUCell SimpleRNNCell StackedRNNCells ConvLSTM2D", "ConvLSTM1D ConvLSTM3D")),
    ("normalisation", marked("layers.", "BatchNormalization LayerNormalization",
        "GroupNormalization RMSNormalization UnitNormalization", "SpectralNormalization")),
    ("regularisation", marked("layers.", "Dropout SpatialDropout1D SpatialDropout2D GaussianNoise",
        "GaussianDropout ActivityRegularization SpatialDropout3D", "AlphaDropout")),
    ("attention", marked("layers.", "MultiHeadAttention",
        "Attention AdditiveAttention GroupQueryAttention")),
    ("merging", marked("layers.",
        "Add Concatenate Multiply Average Subtract Dot add concatenate multiply average subtract dot",
        "Maximum Minimum maximum minimum")),
    ("reshaping", marked("layers.",
        "Flatten Reshape Permute RepeatVector ZeroPadding2D Cropping2D UpSampling2D",
        "ZeroPadding1D Cropping1D UpSampling1D", "ZeroPadding3D Cropping3D UpSampling3D")),
    ("preprocessing", marked("layers.", "Normalization Rescaling",
        "TextVectorization StringLookup IntegerLookup CategoryEncoding Discretization Hashing "
        "STFTSpectrogram MelSpectrogram", "HashedCrossing Pipeline")),
    ("images", marked("layers.",
        "Resizing CenterCrop RandomFlip RandomRotation RandomZoom RandomTranslation",
        "RandomCrop RandomContrast RandomBrightness RandomErasing MixUp CutMix",
        "AugMix AutoContrast ContrastLimitedAdaptiveHistogramEqualization Equalization "
        "MaxNumBoundingBoxes RandAugment RandomColorDegeneration RandomColorJitter "
        "RandomElasticTransform RandomGaussianBlur RandomGrayscale RandomHue RandomInvert "
        "RandomPerspective RandomPosterization RandomSaturation RandomSharpness RandomShear "
        "Solarization")),
    ("other frameworks", marked("layers.", "", "TorchModuleWrapper", "TFSMLayer JaxLayer FlaxLayer")),
]  # fmt: skip

ACTIVATIONS = marked("activations.",
    "linear relu relu6 leaky_relu elu selu gelu sigmoid hard_sigmoid silu softmax log_softmax "
    "softplus softsign tanh exponential get", "mish hard_silu celu glu log_sigmoid serialize "
    "deserialize", "hard_shrink hard_tanh soft_shrink tanh_shrink threshold squareplus sparse_plus "
    "sparse_sigmoid sparsemax")  # fmt: skip

LOSSES = marked("losses.",
    "Loss MeanSquaredError MeanAbsoluteError Huber BinaryCrossentropy CategoricalCrossentropy "
    "SparseCategoricalCrossentropy KLDivergence CosineSimilarity Hinge Poisson mean_squared_error "
    "mean_absolute_error huber binary_crossentropy categorical_crossentropy "
    "sparse_categorical_crossentropy kl_divergence cosine_similarity hinge poisson get",
    "LogCosh MeanAbsolutePercentageError MeanSquaredLogarithmicError SquaredHinge CategoricalHinge "
    "BinaryFocalCrossentropy CategoricalFocalCrossentropy CTC Dice log_cosh "
    "mean_absolute_percentage_error mean_squared_logarithmic_error squared_hinge categorical_hinge "
    "binary_focal_crossentropy categorical_focal_crossentropy ctc dice serialize deserialize",
    "Tversky Circle CategoricalGeneralizedCrossEntropy tversky circle "
    "categorical_generalized_cross_entropy")  # fmt: skip

METRICS = joined(marked("metrics.",
    "Metric Mean Sum MeanMetricWrapper Accuracy BinaryAccuracy CategoricalAccuracy "
    "SparseCategoricalAccuracy TopKCategoricalAccuracy SparseTopKCategoricalAccuracy "
    "MeanSquaredError RootMeanSquaredError MeanAbsoluteError BinaryCrossentropy "
    "CategoricalCrossentropy SparseCategoricalCrossentropy AUC Precision Recall F1Score "
    "TruePositives TrueNegatives FalsePositives FalseNegatives binary_accuracy "
    "categorical_accuracy sparse_categorical_accuracy top_k_categorical_accuracy "
    "sparse_top_k_categorical_accuracy get",
    "R2Score MeanAbsolutePercentageError MeanSquaredLogarithmicError CosineSimilarity KLDivergence "
    "LogCoshError FBetaScore IoU BinaryIoU MeanIoU OneHotIoU OneHotMeanIoU PrecisionAtRecall "
    "RecallAtPrecision SensitivityAtSpecificity SpecificityAtSensitivity serialize deserialize",
    "Hinge SquaredHinge CategoricalHinge Poisson PearsonCorrelation ConcordanceCorrelation "
    "pearson_correlation concordance_correlation"),
    marked("metrics.Metric:", "update_state result reset_state add_weight variables name get_config "
           "from_config", "stateless_update_state stateless_result stateless_reset_state "
           "add_variable"))  # fmt: skip

OPTIMIZERS = joined(
    marked("optimizers.", "Optimizer SGD Adam AdamW RMSprop Adagrad get",
        "Nadam Adamax Adadelta Lion Adafactor Lamb LossScaleOptimizer serialize deserialize",
        "Ftrl Muon ScheduleFreeAdamW MultiOptimizer OptimizerMap"),
    marked("optimizers.Optimizer:", "apply_gradients apply stateless_apply build "
        "exclude_from_weight_decay scale_loss finalize_variable_values iterations learning_rate "
        "variables save_own_variables load_own_variables get_config from_config", "",
        "add_variable add_variable_from_reference add_optimizer_variables update_step assign "
        "assign_add assign_sub set_weights"))  # fmt: skip

CALLBACKS = joined(
    marked("callbacks.", "Callback EarlyStopping ModelCheckpoint ReduceLROnPlateau "
        "LearningRateScheduler History ProgbarLogger CSVLogger TensorBoard TerminateOnNaN "
        "LambdaCallback BackupAndRestore CallbackList", "SwapEMAWeights",
        "RemoteMonitor OrbaxCheckpoint"),
    marked("callbacks.Callback:", " ".join(
        [f"on_{part}_{end}" for part in ("train", "test", "predict", "epoch", "train_batch",
         "test_batch", "predict_batch", "batch") for end in ("begin", "end")])
        + " set_params set_model model"))  # fmt: skip

OTHERS: list[tuple[str, Marks]] = [
    ("Schedules", marked("optimizers.schedules.",
        "LearningRateSchedule CosineDecay ExponentialDecay PiecewiseConstantDecay",
        "PolynomialDecay InverseTimeDecay CosineDecayRestarts serialize deserialize")),
    ("Callbacks", CALLBACKS),
    ("Initializers", marked("initializers.",
        "Initializer Zeros Ones Constant RandomNormal RandomUniform TruncatedNormal GlorotUniform "
        "GlorotNormal HeNormal HeUniform LecunNormal LecunUniform VarianceScaling Orthogonal get",
        "Identity serialize deserialize", "STFT")),
    ("Regularizers", marked("regularizers.", "Regularizer L1 L2 L1L2 get", "serialize deserialize",
        "OrthogonalRegularizer")),
    ("Constraints", marked("constraints.", "", "Constraint MaxNorm NonNeg UnitNorm get serialize "
        "deserialize", "MinMaxNorm")),
]  # fmt: skip

ELEMENTWISE = marked("ops.",
    "abs absolute add arccos arcsin arctan arctan2 ceil clip cos cosh divide equal erf exp expm1 "
    "floor floor_divide greater greater_equal isfinite isinf isnan less less_equal log log10 log1p "
    "log2 logical_and logical_not logical_or logical_xor maximum minimum mod multiply negative "
    "not_equal power reciprocal round rsqrt sign sin sinh sqrt square subtract tan tanh true_divide",
    "arccosh arcsinh arctanh deg2rad divide_no_nan erfc erfinv exp2 fabs hypot isclose allclose isin "
    "logaddexp nan_to_num rad2deg trunc cbrt heaviside isneginf isposinf sinc",
    "angle conj conjugate fmax fmin fmod gcd i0 imag isreal lcm ldexp logaddexp2 nextafter polar real "
    "signbit view_as_complex view_as_real bitwise_and bitwise_invert bitwise_left_shift bitwise_not "
    "bitwise_or bitwise_right_shift bitwise_xor left_shift right_shift")  # fmt: skip
REDUCTIONS = marked("ops.",
    "all amax amin any argmax argmin argsort cumprod cumsum logsumexp max mean min prod segment_sum "
    "sort std sum top_k var moments in_top_k",
    "average bincount count_nonzero diff median percentile ptp quantile searchsorted segment_max "
    "segment_min segment_prod unique histogram digitize argpartition",
    "corrcoef correlate trapezoid nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmedian "
    "nanmin nanpercentile nanprod nanquantile nanstd nansum nanvar")  # fmt: skip
SHAPES = marked("ops.",
    "arange array broadcast_to cast concatenate convert_to_numpy convert_to_tensor copy diag diagonal "
    "dtype expand_dims eye flip full full_like get_item hstack identity is_tensor linspace meshgrid "
    "moveaxis ndim nonzero one_hot ones ones_like pad ravel repeat reshape roll scatter scatter_update "
    "shape size slice slice_update split squeeze stack swapaxes take take_along_axis tile transpose "
    "tril triu unstack vstack where zeros zeros_like",
    "append array_split dsplit dstack empty empty_like fliplr flipud hsplit logspace multi_hot rearrange "
    "rot90 saturate_cast select tri vsplit extract_sequences",
    "diagflat geomspace unravel_index vander view bartlett blackman hamming hanning kaiser")  # fmt: skip
MATRICES = marked("ops.",
    "dot einsum inner matmul norm outer tensordot",
    "cdist cholesky cross det inv kron logdet qr slogdet solve solve_triangular trace vdot",
    "cholesky_inverse eig eigh lstsq lu_factor matrix_rank pinv svd")  # fmt: skip
CONTROL = marked(
    "ops.",
    "cond custom_gradient fori_loop map scan stop_gradient switch vectorized_map while_loop",
    "associative_scan jvp vectorize",
)
NETWORKS = marked("ops.",
    "average_pool batch_normalization binary_crossentropy categorical_crossentropy conv conv_transpose "
    "ctc_loss depthwise_conv dot_product_attention elu gelu hard_sigmoid layer_normalization "
    "leaky_relu log_softmax max_pool normalize relu relu6 rms_normalization selu separable_conv sigmoid "
    "silu softmax softplus softsign sparse_categorical_crossentropy",
    "celu ctc_decode depth_to_space fold glu hard_silu log_sigmoid space_to_depth unfold fft fft2 ifft2 "
    "irfft istft rfft stft",
    "adaptive_average_pool adaptive_max_pool hard_shrink hard_tanh psnr soft_shrink sparse_plus "
    "sparse_sigmoid sparsemax squareplus tanh_shrink threshold")  # fmt: skip
IMAGES = marked("ops.image.", "resize",
    "crop_images extract_patches gaussian_blur hsv_to_rgb pad_images rgb_to_grayscale rgb_to_hsv",
    "affine_transform elastic_transform extract_patches_3d map_coordinates perspective_transform "
    "scale_and_translate sobel_edges ssim")  # fmt: skip
RANDOM = marked("random.", "SeedGenerator beta binomial categorical dropout gamma normal randint "
                "shuffle truncated_normal uniform")  # fmt: skip

MODELS = joined(
    marked("", "Model Sequential Variable KerasTensor InputSpec", "",
        "Function Operation Quantizer FloatDTypePolicy RematScope StatelessScope SymbolicScope device "
        "name_scope remat version"),
    marked("models.", "load_model clone_model model_from_json"),
    marked("Model:",
        "compile fit evaluate predict train_on_batch test_on_batch predict_on_batch summary get_layer "
        "layers inputs outputs input_shape output_shape count_params save save_weights load_weights "
        "get_weights set_weights to_json get_config from_config export train_step test_step "
        "predict_step compute_loss compute_metrics compute_output_shape compute_output_spec add_loss "
        "losses add_weight trainable trainable_variables non_trainable_variables metrics reset_metrics "
        "metrics_names stop_training",
        "quantize stateless_call stateless_compute_loss get_state_tree set_state_tree build "
        "build_from_config compile_from_config get_compile_config",
        "make_train_function make_test_function make_predict_function run_eagerly jit_compile "
        "get_metrics_result"),
    marked("Sequential:", "add pop"),
    marked("layers.Layer:",
        "build call compute_mask compute_output_shape compute_output_spec get_config from_config "
        "add_loss losses add_weight trainable trainable_variables non_trainable_variables "
        "trainable_weights non_trainable_weights weights variables get_weights set_weights count_params "
        "dtype compute_dtype variable_dtype path input output metrics supports_masking",
        "stateless_call build_from_config get_build_config dtype_policy",
        "input_dtype save_own_variables load_own_variables add_variable metrics_variables symbolic_call "
        "quantize"),
    marked("layers.Dense:", "", "enable_lora"), marked("layers.EinsumDense:", "", "enable_lora"),
    marked("layers.Embedding:", "", "enable_lora"), marked("layers.Conv2D:", "", "enable_lora"),
    marked("Variable:", "assign assign_add assign_sub value numpy shape dtype ndim trainable name path "
        "regularizer constraint"))  # fmt: skip

DATA = joined(
    marked("utils.", "PyDataset timeseries_dataset_from_array image_dataset_from_directory "
        "split_dataset", "text_dataset_from_directory audio_dataset_from_directory"),
    marked("utils.PyDataset:", "on_epoch_end on_epoch_begin num_batches workers "
        "use_multiprocessing max_queue_size"),
    *(marked(f"datasets.{d}.", "load_data") for d in ("mnist", "fashion_mnist", "cifar10", "cifar100",
      "reuters", "boston_housing", "california_housing")),
    marked("datasets.imdb.", "load_data get_word_index"),
    marked("datasets.reuters.", "get_word_index", "", "get_label_names"))  # fmt: skip

UTILITIES = joined(
    marked("utils.", "to_categorical set_random_seed plot_model model_to_dot Progbar get_file "
        "pad_sequences load_img img_to_array array_to_img save_img normalize custom_object_scope "
        "register_keras_serializable clear_session",
        "FeatureSpace serialize_keras_object deserialize_keras_object get_custom_objects "
        "get_registered_name get_registered_object pack_x_y_sample_weight unpack_x_y_sample_weight",
        "Config get_source_inputs is_keras_tensor standardize_dtype"),
    marked("preprocessing.image.", "", "smart_resize"),
    marked("wrappers.", "", "SKLearnClassifier SKLearnRegressor SKLearnTransformer"),
    marked("backend.", "", "", "get_uid is_float_dtype is_int_dtype result_type"))  # fmt: skip
TREE = marked("tree.", "", "MAP_TO_NONE assert_same_paths assert_same_structure flatten flatten_with_path "
    "is_nested lists_to_tuples map_shape_structure map_structure map_structure_up_to pack_sequence_as "
    "traverse")  # fmt: skip
CONFIG = marked("config.", "",
    "backend disable_flash_attention disable_interactive_logging disable_traceback_filtering dtype_policy "
    "enable_flash_attention enable_interactive_logging enable_traceback_filtering "
    "enable_unsafe_deserialization epsilon floatx image_data_format is_flash_attention_enabled "
    "is_interactive_logging_enabled is_traceback_filtering_enabled max_epochs max_steps_per_epoch "
    "set_backend set_dtype_policy set_epsilon set_floatx set_image_data_format set_max_epochs "
    "set_max_steps_per_epoch", "is_nnx_enabled")  # fmt: skip
SAVING = joined(marked("saving.", "save_model", "load_weights save_weights", "KerasFileEditor"),
    marked("export.", "", "", "ExportArchive"),
    marked("dtype_policies.", "DTypePolicy get", "serialize deserialize", "DTypePolicyMap "
        "QuantizedDTypePolicy QuantizedFloat8DTypePolicy AWQDTypePolicy GPTQDTypePolicy "
        "Int4DTypePolicy"))  # fmt: skip

# each counts as one name
PACKAGES = (
    "applications",
    "distillation",
    "distribution",
    "quantizers",
    "visualization",
    "utils.bounding_boxes",
)

GROUPS: list[tuple[str, Marks]] = [
    *((f"Layers: {title}", marks) for title, marks in LAYERS),
    ("Activations", ACTIVATIONS), ("Losses", LOSSES), ("Metrics", METRICS), ("Optimizers", OPTIMIZERS), *OTHERS,
    ("Ops: elementwise", ELEMENTWISE), ("Ops: reductions and order", REDUCTIONS),
    ("Ops: shapes, indexing, making", SHAPES), ("Ops: products and matrices", MATRICES),
    ("Ops: control flow and gradients", CONTROL), ("Ops: networks and signals", NETWORKS),
    ("Ops: images", IMAGES), ("Random numbers", RANDOM), ("Models, layers, variables", MODELS),
    ("Data", DATA), ("Utilities", UTILITIES), ("Nested structures", TREE), ("Settings", CONFIG),
    ("Saving and dtypes", SAVING), ("Whole packages", {"M": [], "S": [], "C": list(PACKAGES)}),
]  # fmt: skip

# what has no name of its own
BEHAVIOURS: list[tuple[str, str]] = [
    ("M", "nested lists and dicts of inputs and outputs"),
    ("M", "shared layers and models as layers"),
    ("M", "feature extraction from a layer's output"),
    ("M", "operators and ops on symbolic tensors"),
    ("M", "optional inputs"),
    ("M", "outputs named by dicts, with losses and metrics by name"),
    ("M", "deferred build of Sequential"),
    ("M", "subclassing with build and call(training, mask)"),
    ("M", "masks through layers, losses and metrics"),
    ("M", "a train_step of one's own"),
    ("M", "fit: arrays, lists, dicts"),
    ("M", "fit: pandas"),
    ("M", "fit: generators"),
    ("M", "fit: PyDataset with workers"),
    ("S", "fit: torch DataLoader and tf.data, without importing them"),
    ("S", "fit: scipy.sparse"),
    ("S", "fit: Arrow and Polars"),
    ("C", "fit: grain"),
    ("M", "\"accuracy\" and \"crossentropy\" chosen by shapes"),
    ("M", "common arguments of optimizers: decay, clipping, EMA, accumulation, loss scale"),
    ("M", "dtype of a layer and of all layers"),
    ("S", "mixed precision with loss scaling"),
    ("M", ".keras files of Keras: configuration and weights"),
    ("S", ".weights.h5 and old .h5 files"),
    ("M", "JSON of an architecture"),
    ("M", "export to ONNX Runtime for batches and lengths not seen in training"),
    ("S", "quantize to int8 and int4 (float8, gptq and awq say what to use instead)"),
]  # fmt: skip
