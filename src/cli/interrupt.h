// Ctrl-C: the first asks the running work to stop, the second ends the program at once with exit code 130.
#pragma once

namespace gannet {

void catch_interrupts();  // installs the handler
bool interrupted();       // since the last clear
void clear_interrupt();

}  // namespace gannet
