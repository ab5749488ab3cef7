"""Names of torch calls that need no rule, because they are linear in the argument that is explained, or ask only."""

from __future__ import annotations


def names(text: str) -> frozenset[str]:
    """Names, from a text.

    Examples
    --------
    >>> sorted(names("b a"))
    ['a', 'b']
    """
    return frozenset(text.split())


MOVES = names(
    """
    T mT H mH view view_as reshape reshape_as flatten unflatten ravel permute transpose t squeeze unsqueeze expand
    expand_as broadcast_to broadcast_tensors repeat tile repeat_interleave contiguous clone movedim moveaxis swapaxes
    swapdims narrow select index_select slice __getitem__ getitem gather take take_along_dim chunk split
    split_with_sizes tensor_split hsplit vsplit dsplit unbind cat concat concatenate stack hstack vstack dstack
    column_stack row_stack roll flip fliplr flipud rot90 diagonal diag diag_embed diagflat tril triu pad
    constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d
    replication_pad3d unfold im2col col2im pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle
    as_strided atleast_1d atleast_2d atleast_3d unsafe_chunk unsafe_split unsafe_split_with_sizes block_diag
    _pack_padded_sequence _pad_packed_sequence view_as_real view_as_complex resolve_conj resolve_neg positive
    meshgrid as_tensor alias lift_fresh combinations cartesian_prod
    """
)
"""Calls that copy, move or repeat entries."""

CASTS = names("to float double half bfloat16 type type_as cuda cpu xpu _to_copy")
"""Calls that change precision or device."""

WRITES = names(
    """
    __setitem__ copy fill zero masked_fill masked_scatter masked_select index_add index_copy index_fill index_put
    scatter scatter_add where select_scatter slice_scatter diagonal_scatter fill_diagonal put put_ set_data
    """
)
"""Calls that put values at places."""

SUMS = names(
    """
    add sub subtract rsub __rsub__ neg negative sum mean nansum nanmean cumsum trace conj real imag
    avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
    upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d _upsample_nearest_exact2d
    _upsample_nearest_exact3d upsample_linear1d upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d
    _upsample_bilinear2d_aa _upsample_bicubic2d_aa max_unpool2d max_unpool3d trapezoid trapz diff
    cumulative_trapezoid embedding nll_loss nll_loss2d nll_loss_nd
    fft_fft fft_ifft fft_rfft fft_irfft fft_hfft fft_ihfft fft_fft2 fft_ifft2 fft_rfft2 fft_irfft2 fft_fftn fft_ifftn
    fft_rfftn fft_irfftn fft_fftshift fft_ifftshift stft istft complex
    alias_copy sum_to_size nan_to_num
    """
)
"""Calls that weigh and add."""

LINEAR = MOVES | CASTS | WRITES | SUMS

ALIASES = frozenset({"detach", "data"})
"""Calls that hide a value from training; what is explained is the function that the network computes."""

QUERIES = names(
    """
    size dim ndim shape dtype device layout numel nelement stride storage_offset is_contiguous is_floating_point
    is_complex is_signed element_size itemsize nbytes is_cuda is_cpu is_mps is_meta is_sparse is_quantized is_leaf
    is_nested is_inference requires_grad grad grad_fn names has_names output_nr _version _base _is_view is_same_size
    is_tensor is_storage get_device data_ptr untyped_storage storage __len__ __hash__ __repr__ __str__ __format__
    __dir__ __deepcopy__ __reduce_ex__ __contains__ register_hook register_post_accumulate_grad_hook backward
    is_shared is_pinned is_conj is_neg result_type promote_types can_cast empty empty_like zeros zeros_like ones
    ones_like full full_like arange linspace logspace eye new_empty new_zeros new_ones new_full new_tensor
    broadcast_shapes is_grad_enabled
    is_inference_mode_enabled finfo iinfo tensor scalar_tensor from_numpy hann_window hamming_window tril_indices
    triu_indices _cudnn_rnn_flatten_weight _use_cudnn_rnn_flatten_weight is_same_tensor is_grad volatile
    record_stream _is_zerotensor is_xla is_mkldnn is_vulkan is_ipu is_xpu is_hpu is_ort is_maia is_mtia sparse_dim
    dense_dim is_coalesced dim_order _nested_tensor_from_mask_left_aligned
    """
)
"""Calls that ask about a tensor, or make one that does not depend on it."""

LEAVES = frozenset(
    {"numpy", "__array__", "tolist", "item", "__float__", "__int__", "__complex__", "__index__"}
)
"""Calls whose answer is not a tensor: what becomes of it cannot be followed."""

CHOICES = names(
    """
    argmax argmin argsort nonzero argwhere searchsorted bucketize count_nonzero unique unique_consecutive isnan isinf
    isfinite isposinf isneginf isclose allclose equal isin one_hot bincount histc any all long int short char byte
    bool signbit logical_not logical_and logical_or logical_xor bitwise_not bitwise_and bitwise_or bitwise_xor __and__
    __or__ __xor__ __invert__ __rand__ __ror__ __rxor__ __bool__ is_nonzero
    """
)
"""Calls that answer with truth values or whole numbers: their dependence on the input has no slope."""

DRAWS = names(
    """
    rand randn randint randperm rand_like randn_like randint_like normal uniform bernoulli multinomial
    exponential random
    log_normal geometric cauchy poisson
    """
)
"""Calls that draw at random: what the input's pass draws, the reference's pass gets again."""
