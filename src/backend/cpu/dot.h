// Vocabulary for 8-bit dot products, one spelling for every instruction set. All of it lies in namespace
// gannet::GANNET_ISA_NS, so copies compiled for different instruction sets never meet.
//
// Words (see linear/decode_*.h for their use):
//   kStep     weight codes handled at once: 64 with AVX-512, else 32. A "unit" is 256 elements, 256 / kStep
//   steps, or 16 groups of 16 elements in 4 words each. Where groups lie side by side (tensor/act8.h), a
//   vector holds one word of kStep / 4 of them; kPieces vectors hold that of all Bytes     kStep codes or
//   activations; Ints  32-bit sums, each over a group (in panels: over 4 neighbouring products); Acc  float
//   sums of one output over the whole row, spread over lanes Scales<G> one float per G elements of a unit: 8
//   (G = 32) or 16 (G = 16) dot<S>    adds codes * activations to Ints. S = false: codes 0..127 (0..255 where
//   the hardware takes them);
//             S = true: codes made by from_signed() from bytes -128..127, which stand for code - kSignedBias.
//   start<B>  the Ints that dot_words() starts from so that the result is the sum of (code - B) * activation
// Activations are -127..127.
#pragma once

#if defined(__AVX512F__)
#include "backend/cpu/dot_avx512.h"
#elif defined(__AVX2__)
#include "backend/cpu/dot_avx2.h"
#elif defined(__ARM_NEON)
#include "backend/cpu/dot_neon.h"
#endif
