// Loud stops for our own bugs. Test before use: can any file or request reach it? Then it must be a Result
// instead.
#pragma once

namespace gannet {

// Prints file, line, the failed expression and `what` to stderr and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* expression, const char* what) noexcept;

}  // namespace gannet

// GANNET_CHECK(condition) or GANNET_CHECK(condition, "C string"); always on.
#define GANNET_CHECK_PICK(_1, _2, NAME, ...) NAME
#define GANNET_CHECK_2(condition, what) \
  (static_cast<bool>(condition) ? (void)0 : ::gannet::check_failed(__FILE__, __LINE__, #condition, (what)))
#define GANNET_CHECK_1(condition) GANNET_CHECK_2(condition, "")
#define GANNET_CHECK(...) GANNET_CHECK_PICK(__VA_ARGS__, GANNET_CHECK_2, GANNET_CHECK_1, )(__VA_ARGS__)

#ifdef NDEBUG
#define GANNET_DCHECK(...) ((void)0)
#else
#define GANNET_DCHECK(...) GANNET_CHECK(__VA_ARGS__)
#endif
