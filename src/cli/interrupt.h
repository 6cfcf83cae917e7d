// Ctrl-C: the first asks the running work to stop, the second ends the program at once with exit code 130.
#pragma once

#include "base/result.h"

namespace gannet {

void catch_interrupts();  // installs the handler
bool interrupted();       // since the last clear
void clear_interrupt();
Error stopped_measuring();  // kInterrupted

// For the chat, whose line reader has the terminal in a mode of its own. `arrived` is called at every
// interrupt, `before_exit` before the program is ended; both in a signal handler. Null: nothing to call.
void hook_interrupts(void (*arrived)(), void (*before_exit)());
// While a message is typed an interrupt is a key like others: it is counted and never ends the program.
void interrupts_are_keys(bool on);

}  // namespace gannet
