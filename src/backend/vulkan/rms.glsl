// What a row of n is multiplied with, by all invocations of the group, from the squares that each of them has summed.
float rms_scale(float squares, uint n, float eps) { return 1.0 / sqrt(group_sum(squares) / float(n) + eps); }
