// libmariadb's types and constants, and a table of the functions that are used. Nothing is linked: the library is
// opened when a MySQL database is, so that servers with another database run without it.
#if __has_include(<mariadb/mysql.h>)
#include <mariadb/mysql.h>
#include <mariadb/errmsg.h>
#else
#include <mysql/mysql.h>
#include <mysql/errmsg.h>
#endif
#include <dlfcn.h>

#define CMARIADB_FUNCTIONS(X) \
  X(mysql_init) X(mysql_options) X(mysql_real_connect) X(mysql_close) X(mysql_server_init) \
  X(mysql_real_query) X(mysql_affected_rows) X(mysql_insert_id) X(mysql_field_count) X(mysql_store_result) \
  X(mysql_free_result) X(mysql_fetch_row) X(mysql_fetch_lengths) X(mysql_errno) X(mysql_error) X(mysql_get_server_info) X(mysql_get_ssl_cipher) \
  X(mysql_stmt_init) X(mysql_stmt_prepare) X(mysql_stmt_close) X(mysql_stmt_bind_param) X(mysql_stmt_execute) \
  X(mysql_stmt_param_count) X(mysql_stmt_field_count) X(mysql_stmt_result_metadata) X(mysql_fetch_fields) \
  X(mysql_stmt_bind_result) X(mysql_stmt_store_result) X(mysql_stmt_fetch) X(mysql_stmt_fetch_column) \
  X(mysql_stmt_free_result) X(mysql_stmt_affected_rows) X(mysql_stmt_insert_id) X(mysql_stmt_errno) \
  X(mysql_stmt_error)

#define CMARIADB_FIELD(name) __typeof__(name) *_Nonnull name;
typedef struct CMariaDBFunctions {
  CMARIADB_FUNCTIONS(CMARIADB_FIELD)
} CMariaDBFunctions;
#undef CMARIADB_FIELD

// Fills the table from an open library. Returns the name of a function that it lacks, or NULL.
static inline const char *_Nullable cmariadb_load(CMariaDBFunctions *_Nonnull table, void *_Nonnull library) {
#define CMARIADB_LOAD(name) \
  { \
    void *symbol = dlsym(library, #name); \
    if (!symbol) return #name; \
    table->name = (__typeof__(name) *)symbol; \
  }
  CMARIADB_FUNCTIONS(CMARIADB_LOAD)
#undef CMARIADB_LOAD
  return 0;
}

#undef CMARIADB_FUNCTIONS
