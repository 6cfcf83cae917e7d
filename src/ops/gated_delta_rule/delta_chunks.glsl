// Chunks of rows, as the delta rule solves them at once (the WY form). P is the state in front of a chunk, D_t the
// product of the decays of its rows 0 to t, R_st that of s + 1 to t. The errors of its rows are a triangular system,
//   e_t + sum_{s<t} beta_t R_st (k_s.k_t) e_s = beta_t v_t - beta_t D_t P^T k_t,
// whose solution is U - W P. U and W do not know the state, so delta_solve.glsl has them for all chunks at once.
// What is left to be done chunk by chunk, in delta_walk.glsl, are products:
//   o_t = (D_t P^T q_t + sum_{s<=t} R_st (k_s.q_t) e_s) / sqrt(S)
//   P  <- D_last P + sum_s R_s,last k_s e_s^T
// Products of decays may become 0, as they should; nothing is divided by them.
//
// Between the two, per row and head: U lies where the result will, W [S] and R_st (k_s.q_t) / sqrt(S) as [kChunk] in
// memory of their own, and D_t and R_t,last in place of the gates.

layout(push_constant, scalar) uniform Arguments {
  F32 keys, gates, v, o, w, cross;
  Step step;
  StepRows rows;
  RecurrentState state;
  uint n_rows, heads, key_heads;
  uint v0, v1;  // floats from row to row, and from head to head; o is dense
} a;

// Chunk i of all segments: of which one, and its first row there. False: there are not so many.
bool chunk_of(uint i, out Segment s, out uint first, out uint end) {
  for (uint g = 0; g < a.step.n_segments; ++g) {
    s = segment_at(a.step, g);
    end = rows_in_chunks(s, a.rows, a.n_rows);
    const uint chunks = (end + kChunk - 1) / kChunk;
    first = i * kChunk;
    if (i < chunks) return true;
    i -= chunks;
  }
  return false;
}
