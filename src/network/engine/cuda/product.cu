// Products of matrices over all time steps at once.
#define TILE 64
#define DEPTH 16

// out[row][column] = keep·out[row][column] + bias[column] + Σ left(row, inner)·right(inner, column), each factor with two
// strides, so that it may be transposed, or one number everywhere. The inner dimension is cut into slices, a layer of
// blocks each; with more than one, each layer has its own `out`, one behind the other, for add_up.
KERNEL(product, 256)
(float *out, int out_row, const float *left, int left_row, int left_inner, const float *right, int right_inner,
 int right_column, const float *bias, float keep, int rows, int columns, int inner, int slice) {
    SHARED float lefts[DEPTH][TILE + 4];
    SHARED float rights[DEPTH][TILE + 4];
    const int thread = thread_index(), my_row = thread / 16 * 4, my_column = thread % 16 * 4;
    const int first_row = block_index() * TILE, first_column = block_row() * TILE;
    const int begin = block_layer() * slice, end = smaller(inner, begin + slice);
    float sums[4][4] = {};
    for (int at = begin; at < end; at += DEPTH) {
        for (int k = thread; k < DEPTH * TILE; k += 256) {
            // Neighbouring threads read neighbours, whichever way a factor lies.
            const bool lying = left_inner == 1, standing = right_inner == 1;
            const int left_k = lying ? k % DEPTH : k / TILE, left_r = lying ? k / DEPTH : k % TILE;
            const int right_k = standing ? k % DEPTH : k / TILE, right_c = standing ? k / DEPTH : k % TILE;
            const bool left_there = first_row + left_r < rows && at + left_k < end;
            const bool right_there = first_column + right_c < columns && at + right_k < end;
            lefts[left_k][left_r] =
                left_there ? left[(place_t)(first_row + left_r) * left_row + (place_t)(at + left_k) * left_inner] : 0.0f;
            rights[right_k][right_c] =
                right_there
                    ? right[(place_t)(at + right_k) * right_inner + (place_t)(first_column + right_c) * right_column]
                    : 0.0f;
        }
        BARRIER();
        UNROLL
        for (int k = 0; k < DEPTH; ++k) {
            const Four l = four_at(&lefts[k][my_row]), r = four_at(&rights[k][my_column]);
            const float of_row[4] = {l.x, l.y, l.z, l.w}, of_column[4] = {r.x, r.y, r.z, r.w};
            UNROLL
            for (int row = 0; row < 4; ++row) {
                UNROLL
                for (int column = 0; column < 4; ++column)
                    sums[row][column] = fmaf(of_row[row], of_column[column], sums[row][column]);
            }
        }
        BARRIER();
    }
    out += (place_t)block_layer() * rows * out_row;
    for (int r = 0; r < 4; ++r) {
        for (int c = 0; c < 4; ++c) {
            const int row = first_row + my_row + r, column = first_column + my_column + c;
            if (row >= rows || column >= columns) continue;
            float *place = out + (place_t)row * out_row + column;
            float value = sums[r][c] + (bias ? bias[column] : 0.0f);
            if (keep != 0.0f) value = fmaf(keep, *place, value);
            *place = value;
        }
    }
}

// out = the sum of all layers, in their order.
KERNEL(add_up, 256)(float *out, const float *layers, int count, int layer_count) {
    const place_t index = global_index(256);
    if (index >= count) return;
    float sum = 0.0f;
    for (int layer = 0; layer < layer_count; ++layer) sum += layers[(place_t)layer * count + index];
    out[index] = sum;
}

// out (columns × rows) = in (rows × columns), transposed.
KERNEL(transpose, 256)(float *out, const float *in, int rows, int columns) {
    const place_t index = global_index(256);
    if (index >= (place_t)rows * columns) return;
    out[index] = in[index % rows * columns + index / rows];
}
