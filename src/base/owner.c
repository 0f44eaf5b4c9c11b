#include "base/owner.h"

_Thread_local char wt_thread_mark;
