#ifndef HOLDFAST_CSQLITE_SHIM_H
#define HOLDFAST_CSQLITE_SHIM_H
#include <sqlite3.h>

/* Swift cannot call functions with a variable number of arguments. */
static inline int holdfast_sqlite3_distrust(sqlite3 *database)
{
    int result = sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
    if (result == SQLITE_OK)
        result = sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)0);
    return result;
}

/* SQLITE_TRANSIENT, a cast that Swift does not import: the text is copied. */
static inline int holdfast_sqlite3_bind_text(sqlite3_stmt *statement, int place, const char *text, int length)
{
    return sqlite3_bind_text(statement, place, text, length, SQLITE_TRANSIENT);
}
#endif
