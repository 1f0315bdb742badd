// Products of matrices over all time steps at once.
#define TILE 64
#define DEPTH 16

// A factor of a product has two strides, so that it may be transposed, or one number everywhere.
struct Factor {
    const float *at;
    int row, column;
};

// A tile of out[row][column] = keep·out[row][column] + bias[column] + Σ left(row, inner)·right(inner, column), the sum being
// over the inner places from `begin` to before `end`.
DEVICE void product_tile(float *out, int out_row, Factor left, Factor right, const float *bias, float keep, int rows,
                         int columns, int first_row, int first_column, int begin, int end) {
    SHARED float lefts[DEPTH][TILE + 4];
    SHARED float rights[DEPTH][TILE + 4];
    const int thread = thread_index(), my_row = thread / 16 * 4, my_column = thread % 16 * 4;
    float sums[4][4] = {};
    for (int at = begin; at < end; at += DEPTH) {
        for (int k = thread; k < DEPTH * TILE; k += 256) {
            // Neighbouring threads read neighbours, whichever way a factor lies.
            const bool lying = left.column == 1, standing = right.row == 1;
            const int left_k = lying ? k % DEPTH : k / TILE, left_r = lying ? k / DEPTH : k % TILE;
            const int right_k = standing ? k % DEPTH : k / TILE, right_c = standing ? k / DEPTH : k % TILE;
            const bool left_there = first_row + left_r < rows && at + left_k < end;
            const bool right_there = first_column + right_c < columns && at + right_k < end;
            const place_t left_place = (place_t)(first_row + left_r) * left.row + (place_t)(at + left_k) * left.column;
            const place_t right_place =
                (place_t)(at + right_k) * right.row + (place_t)(first_column + right_c) * right.column;
            lefts[left_k][left_r] = left_there ? left.at[left_place] : 0.0f;
            rights[right_k][right_c] = right_there ? right.at[right_place] : 0.0f;
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

// A product of which each block makes a tile. The inner dimension is cut into slices, a layer of blocks each; with more
// than one, each layer has its own `out`, one behind the other, for add_up.
KERNEL(product, 256)
(float *out, int out_row, const float *left, int left_row, int left_inner, const float *right, int right_inner,
 int right_column, const float *bias, float keep, int rows, int columns, int inner, int slice) {
    const int begin = block_layer() * slice, end = smaller(inner, begin + slice);
    const Factor of_rows{left, left_row, left_inner}, of_columns{right, right_inner, right_column};
    out += (place_t)block_layer() * rows * out_row;
    product_tile(out, out_row, of_rows, of_columns, bias, keep, rows, columns, block_index() * TILE, block_row() * TILE,
                 begin, end);
}

// What `products` has of each product.
#define PRODUCT_LEFT 0
#define PRODUCT_LEFT_ROW 2
#define PRODUCT_LEFT_INNER 3
#define PRODUCT_RIGHT 4
#define PRODUCT_RIGHT_INNER 6
#define PRODUCT_RIGHT_COLUMN 7
#define PRODUCT_ROWS 8
#define PRODUCT_COLUMNS 9
// Its place in each layer of `out`, and the end of its tiles, where tiles of all products are counted on.
#define PRODUCT_PLACE 10
#define PRODUCT_TILES_END 11
#define PRODUCT_WORDS 12

// Several products at once, all with as many inner places: a block makes a tile of a layer. Layers are `layer_stride` apart.
KERNEL(products, 256)(float *out, const float *products, int layer_stride, int inner, int slice) {
    int tile = block_index(), begun = 0;
    while (tile >= word(products, PRODUCT_TILES_END)) {
        begun = word(products, PRODUCT_TILES_END);
        products += PRODUCT_WORDS;
    }
    tile -= begun;
    const int rows = word(products, PRODUCT_ROWS), columns = word(products, PRODUCT_COLUMNS);
    const int across = (columns + TILE - 1) / TILE;
    const Factor left{place_in_table(products, PRODUCT_LEFT), word(products, PRODUCT_LEFT_ROW),
                      word(products, PRODUCT_LEFT_INNER)};
    const Factor right{place_in_table(products, PRODUCT_RIGHT), word(products, PRODUCT_RIGHT_INNER),
                       word(products, PRODUCT_RIGHT_COLUMN)};
    const int begin = block_row() * slice, end = smaller(inner, begin + slice);
    out += (place_t)block_row() * layer_stride + word(products, PRODUCT_PLACE);
    product_tile(out, columns, left, right, nullptr, 0.0f, rows, columns, tile / across * TILE, tile % across * TILE, begin,
                 end);
}

// out = the sum of all layers, which are so far apart, in their order.
KERNEL(add_up, 256)(float *out, const float *layers, int count, int layer_stride, int layer_count) {
    const place_t index = global_index(256);
    if (index >= count) return;
    float sum = 0.0f;
    for (int layer = 0; layer < layer_count; ++layer) sum += layers[(place_t)layer * layer_stride + index];
    out[index] = sum;
}

// out (columns × rows) = in (rows × columns), transposed.
KERNEL(transpose, 256)(float *out, const float *in, int rows, int columns) {
    const place_t index = global_index(256);
    if (index >= (place_t)rows * columns) return;
    out[index] = in[index % rows * columns + index / rows];
}
