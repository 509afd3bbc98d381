// The types of tpm2-tss, and a table of the functions that are used. Nothing is linked: the libraries are opened when a
// TPM is, so that agents with other attestors run without them.
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_sys.h>
#include <tss2/tss2_tcti.h>
#include <dlfcn.h>

#define CTPM_SYS_FUNCTIONS(X) \
  X(Tss2_Sys_GetContextSize) X(Tss2_Sys_Initialize) X(Tss2_Sys_Finalize) X(Tss2_Sys_GetCapability) \
  X(Tss2_Sys_CreatePrimary) X(Tss2_Sys_Create) X(Tss2_Sys_Load) X(Tss2_Sys_Certify) X(Tss2_Sys_Hash) X(Tss2_Sys_Sign) \
  X(Tss2_Sys_StartAuthSession) X(Tss2_Sys_PolicySecret) X(Tss2_Sys_ActivateCredential) X(Tss2_Sys_NV_ReadPublic) \
  X(Tss2_Sys_NV_Read) X(Tss2_Sys_FlushContext)
#define CTPM_MU_FUNCTIONS(X) \
  X(Tss2_MU_TPM2B_PUBLIC_Unmarshal) X(Tss2_MU_TPMT_PUBLIC_Marshal) X(Tss2_MU_TPMT_SIGNATURE_Marshal)

#define CTPM_FIELD(name) __typeof__(name) *_Nonnull name;
typedef struct CTPMFunctions {
  CTPM_SYS_FUNCTIONS(CTPM_FIELD)
  CTPM_MU_FUNCTIONS(CTPM_FIELD)
} CTPMFunctions;
#undef CTPM_FIELD

// Fills the table from two open libraries. Returns the name of a function that they lack, or NULL.
static inline const char *_Nullable ctpm_load(
    CTPMFunctions *_Nonnull table, void *_Nonnull sys, void *_Nonnull mu) {
  void *library = sys;
#define CTPM_LOAD(name) \
  { \
    void *symbol = dlsym(library, #name); \
    if (!symbol) return #name; \
    table->name = (__typeof__(name) *)symbol; \
  }
  CTPM_SYS_FUNCTIONS(CTPM_LOAD)
  library = mu;
  CTPM_MU_FUNCTIONS(CTPM_LOAD)
#undef CTPM_LOAD
  return 0;
}

#undef CTPM_SYS_FUNCTIONS
#undef CTPM_MU_FUNCTIONS

typedef __typeof__(Tss2_RC_Decode) *CTPMDecode;

// Tss2_RC_Decode of an open library, or NULL.
static inline CTPMDecode _Nullable ctpm_decode(void *_Nonnull library) {
  return (CTPMDecode)dlsym(library, "Tss2_RC_Decode");
}
