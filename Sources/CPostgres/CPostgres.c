#include "CPostgres.h"

#include <dlfcn.h>
#include <stddef.h>

void cpostgres_drop_notice(void *unused, const char *message) {
  (void)unused;
  (void)message;
}

const char *cpostgres_load(const char *library, cpostgres_functions *f) {
  // Never closed: libpq leaves state of its own behind.
  void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) return dlerror();
#define LOAD(field, name)                                    \
  if ((f->field = (__typeof__(f->field))dlsym(handle, name)) == NULL) return dlerror();
  LOAD(connectdbParams, "PQconnectdbParams")
  LOAD(connectStartParams, "PQconnectStartParams")
  LOAD(connectPoll, "PQconnectPoll")
  LOAD(conndefaults, "PQconndefaults")
  LOAD(conninfoFree, "PQconninfoFree")
  LOAD(finish, "PQfinish")
  LOAD(status, "PQstatus")
  LOAD(transactionStatus, "PQtransactionStatus")
  LOAD(parameterStatus, "PQparameterStatus")
  LOAD(serverVersion, "PQserverVersion")
  LOAD(errorMessage, "PQerrorMessage")
  LOAD(connectionNeedsPassword, "PQconnectionNeedsPassword")
  LOAD(socket, "PQsocket")
  LOAD(setnonblocking, "PQsetnonblocking")
  LOAD(setNoticeProcessor, "PQsetNoticeProcessor")
  LOAD(exec, "PQexec")
  LOAD(sendPrepare, "PQsendPrepare")
  LOAD(sendQueryPrepared, "PQsendQueryPrepared")
  LOAD(flush, "PQflush")
  LOAD(consumeInput, "PQconsumeInput")
  LOAD(isBusy, "PQisBusy")
  LOAD(getResult, "PQgetResult")
  LOAD(notifies, "PQnotifies")
  LOAD(freemem, "PQfreemem")
  LOAD(resultStatus, "PQresultStatus")
  LOAD(resultErrorMessage, "PQresultErrorMessage")
  LOAD(resultErrorField, "PQresultErrorField")
  LOAD(cmdStatus, "PQcmdStatus")
  LOAD(cmdTuples, "PQcmdTuples")
  LOAD(ntuples, "PQntuples")
  LOAD(nfields, "PQnfields")
  LOAD(getisnull, "PQgetisnull")
  LOAD(getlength, "PQgetlength")
  LOAD(getvalue, "PQgetvalue")
  LOAD(clear, "PQclear")
  // Since libpq 14.
  LOAD(enterPipelineMode, "PQenterPipelineMode")
  LOAD(pipelineSync, "PQpipelineSync")
#undef LOAD
  return NULL;
}
