/*
 * hooks.h -- which lambdas hooks are, and running them on a packet's way.
 *
 * Layer: binding.  A hook is a lambda that the Tcl side compiled from a body:
 * its words and its spellings are library/hooks.tcl's; here is only when.
 */
#ifndef CLU_HOOKS_H
#define CLU_HOOKS_H

#include "node.h"

/* Sets a hook; an empty lambda removes it.  key: NULL where it has none.
   reads: the fields that the body of one that is told names, or "payload". */
int clu_hook_set(clu_node *node, clu_hook hook, Tcl_Obj *key, Tcl_Obj *lambda,
                 Tcl_Obj *reads);
bool clu_hook_find(const char *name, clu_hook *hook, bool *keyed);
void clu_hook_wishes(clu_node *node);   /* tells the engine what is wanted */
void clu_hook_clear(clu_node *node);            /* all of them */

/* The engine's ask: the hooks of that station, one behind the other. */
clu_err clu_hook_ask(void *ctx, clu_question *question);

/*
 * Runs a lambda that may refuse.  *left: the payload, or the packet of a
 * protocol's hook, held once; replaced by what the body left.  with: services
 * or chanID.  VETO: refused or failed, which is counted; GONE: the node died.
 */
clu_err clu_hook_run(clu_node *node, clu_hook hook, Tcl_Obj *lambda,
                     const clu_question *q, Tcl_Obj *service, Tcl_Obj *with,
                     Tcl_Obj **left);

/* ---- tclFrame.c: the hooks of protocols ---------------------------------- */

clu_err clu_hook_frame(clu_node *node, clu_question *question);

/* ---- telling ------------------------------------------------------------- */

/* A hook that is only told: its errors are reported, its value ignored. */
void clu_hook_tell(clu_node *node, clu_hook hook, const clu_news *news);

/* The query hook: its value or its error is the answer, held once for the
   caller.  false: the node died of it. */
bool clu_hook_query(clu_node *node, const clu_news *news, Tcl_Obj **result,
                    bool *failed);

#endif
