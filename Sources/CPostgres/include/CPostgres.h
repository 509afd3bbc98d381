#ifndef CPOSTGRES_H
#define CPOSTGRES_H

#if __has_include(<postgresql/libpq-fe.h>)
#include <postgresql/libpq-fe.h>
#else
#include <libpq-fe.h>
#endif

/// The functions of libpq that are used, found at run time: a program that never opens a PostgreSQL database does not
/// load libpq, nor what libpq is linked with.
typedef struct {
  __typeof__(PQconnectdbParams) *connectdbParams;
  __typeof__(PQconnectStartParams) *connectStartParams;
  __typeof__(PQconnectPoll) *connectPoll;
  __typeof__(PQconndefaults) *conndefaults;
  __typeof__(PQconninfoFree) *conninfoFree;
  __typeof__(PQfinish) *finish;
  __typeof__(PQstatus) *status;
  __typeof__(PQtransactionStatus) *transactionStatus;
  __typeof__(PQparameterStatus) *parameterStatus;
  __typeof__(PQserverVersion) *serverVersion;
  __typeof__(PQerrorMessage) *errorMessage;
  __typeof__(PQconnectionNeedsPassword) *connectionNeedsPassword;
  __typeof__(PQsocket) *socket;
  __typeof__(PQsetnonblocking) *setnonblocking;
  __typeof__(PQsetNoticeProcessor) *setNoticeProcessor;
  __typeof__(PQexec) *exec;
  __typeof__(PQsendPrepare) *sendPrepare;
  __typeof__(PQsendQueryPrepared) *sendQueryPrepared;
  __typeof__(PQflush) *flush;
  __typeof__(PQconsumeInput) *consumeInput;
  __typeof__(PQisBusy) *isBusy;
  __typeof__(PQgetResult) *getResult;
  __typeof__(PQnotifies) *notifies;
  __typeof__(PQfreemem) *freemem;
  __typeof__(PQresultStatus) *resultStatus;
  __typeof__(PQresultErrorMessage) *resultErrorMessage;
  __typeof__(PQresultErrorField) *resultErrorField;
  __typeof__(PQcmdStatus) *cmdStatus;
  __typeof__(PQcmdTuples) *cmdTuples;
  __typeof__(PQntuples) *ntuples;
  __typeof__(PQnfields) *nfields;
  __typeof__(PQgetisnull) *getisnull;
  __typeof__(PQgetlength) *getlength;
  __typeof__(PQgetvalue) *getvalue;
  __typeof__(PQclear) *clear;
  __typeof__(PQenterPipelineMode) *enterPipelineMode;
  __typeof__(PQpipelineSync) *pipelineSync;
} cpostgres_functions;

/// Opens `library` and fills the table. Returns NULL, or what is missing, in words of the dynamic linker.
const char *cpostgres_load(const char *library, cpostgres_functions *functions);

/// Drops the server's notices: libpq would print them.
void cpostgres_drop_notice(void *unused, const char *message);

#endif
