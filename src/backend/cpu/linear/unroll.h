// Full unrolling of short loops whose counter selects shifts and lanes.
#pragma once

#if defined(__clang__)
#define GANNET_UNROLL _Pragma("clang loop unroll(full)")
#else
#define GANNET_UNROLL _Pragma("GCC unroll 64")
#endif
