#include "kafka/certificate.h"

#include <openssl/bio.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BROKERS_MAX 32u
#define ADDRESS_BYTES_MAX 256u
#define WHY_BYTES_MAX 290u
#define NAME_BYTES_MAX 80u
#define NAMES_BYTES_MAX 120u

struct fault {
    char address[ADDRESS_BYTES_MAX]; /* "": free */
    char why[WHY_BYTES_MAX];
    const char *remedy;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the variables below */
static struct fault faults[BROKERS_MAX];
static size_t oldest; /* index of the fault to replace next */

/* --- fields of a certificate ----------------------------------------------------------------- */

/* Copies OpenSSL's output, cut to the buffer, and frees `bio`. */
static void take_text(BIO *bio, char *text, size_t text_bytes)
{
    int bytes = BIO_read(bio, text, (int)text_bytes - 1);
    text[bytes > 0 ? bytes : 0] = '\0';
    BIO_free(bio);
}

static void name_of(const X509_NAME *name, char text[NAME_BYTES_MAX])
{
    BIO *bio = BIO_new(BIO_s_mem());
    (void)X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
    take_text(bio, text, NAME_BYTES_MAX);
}

static void time_of(const ASN1_TIME *time, char text[NAME_BYTES_MAX])
{
    BIO *bio = BIO_new(BIO_s_mem());
    (void)ASN1_TIME_print(bio, time);
    take_text(bio, text, NAME_BYTES_MAX);
}

/* "DNS:kafka.example.org, IP Address:10.0.0.1" */
static void names_of(X509 *certificate, char text[NAMES_BYTES_MAX])
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    BIO *bio = BIO_new(BIO_s_mem());
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        (void)BIO_puts(bio, i > 0 ? ", " : "");
        (void)GENERAL_NAME_print(bio, sk_GENERAL_NAME_value(names, i));
    }
    take_text(bio, text, NAMES_BYTES_MAX);
    GENERAL_NAMES_free(names);
}

/* --- reason and remedy ----------------------------------------------------------------------- */

static void describe_dates(struct fault *fault, X509 *certificate, const char *subject,
                           bool expired)
{
    char date[NAME_BYTES_MAX];
    time_of(expired ? X509_get0_notAfter(certificate) : X509_get0_notBefore(certificate), date);
    (void)snprintf(fault->why, sizeof fault->why, "its certificate %s (%s, valid %s %s)",
                   expired ? "has expired" : "is not valid yet", subject,
                   expired ? "until" : "from", date);
    fault->remedy = expired ? "renew it on the broker; if it is new, check this machine's clock"
                            : "check this machine's clock";
}

static void describe_authority(struct fault *fault, X509 *certificate, const char *subject)
{
    char issuer[NAME_BYTES_MAX];
    name_of(X509_get_issuer_name(certificate), issuer);
    bool own = strcmp(subject, issuer) == 0; /* the authority's own certificate */
    (void)snprintf(fault->why, sizeof fault->why,
                   "its certificate is of an authority that is not trusted here (%s%s%s)", subject,
                   own ? "" : ", issued by ", own ? "" : issuer);
    fault->remedy = "set ssl.ca.location (or ssl.ca.pem) to the certificate of that authority, or "
                    "add it to the system's authorities, which are used if neither is set";
}

static void describe_names(struct fault *fault, X509 *certificate, const char *subject)
{
    char names[NAMES_BYTES_MAX];
    names_of(certificate, names);
    (void)snprintf(fault->why, sizeof fault->why,
                   "its certificate is for another name: it is for %s",
                   names[0] != '\0' ? names : subject);
    fault->remedy = "write bootstrap.servers, and the broker's advertised.listeners, as the "
                    "certificate names it, or have one issued for this name (subjectAltName)";
}

static void describe(struct fault *fault, X509 *certificate, int x509_error)
{
    char subject[NAME_BYTES_MAX];
    name_of(X509_get_subject_name(certificate), subject);
    switch (x509_error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        describe_dates(fault, certificate, subject, true);
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        describe_dates(fault, certificate, subject, false);
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        describe_authority(fault, certificate, subject);
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        describe_names(fault, certificate, subject);
        break;
    default:
        (void)snprintf(fault->why, sizeof fault->why, "its certificate is refused: %s (%s)",
                       X509_verify_cert_error_string(x509_error), subject);
        fault->remedy = "have a valid one issued, or correct ssl.ca.location and ssl.crl.location";
    }
}

static void remember(const struct fault *fault)
{
    (void)pthread_mutex_lock(&lock);
    struct fault *place = NULL;
    for (size_t i = 0; i < BROKERS_MAX && place == NULL; i++) {
        place = strcmp(faults[i].address, fault->address) == 0 ? &faults[i] : NULL;
    }
    if (place == NULL) {
        place = &faults[oldest];
        oldest = (oldest + 1) % BROKERS_MAX;
    }
    *place = *fault;
    (void)pthread_mutex_unlock(&lock);
}

/* Called for each certificate of a chain and each fault of it. Thread: librdkafka's. */
static int on_certificate(rd_kafka_t *client, const char *broker, int32_t broker_id,
                          int *x509_error, int depth, const char *bytes, size_t size, char *reason,
                          size_t reason_bytes, void *opaque)
{
    (void)client, (void)broker_id, (void)depth, (void)opaque;
    const unsigned char *at = (const unsigned char *)bytes;
    if (*x509_error == X509_V_OK) {
        return 1;
    }
    X509 *certificate = d2i_X509(NULL, &at, (long)size);
    struct fault fault = {.remedy = ""};
    (void)snprintf(fault.address, sizeof fault.address, "%s", broker);
    if (certificate != NULL) {
        describe(&fault, certificate, *x509_error);
        X509_free(certificate);
        remember(&fault);
    }
    (void)snprintf(reason, reason_bytes, "%s", fault.why);
    return 0;
}

/* --- interface ------------------------------------------------------------------------------- */

void wt_certificate_watch(rd_kafka_conf_t *conf, const struct wt_config *config,
                          rd_kafka_type_t type)
{
    static const char name[] = "enable.ssl.certificate.verification";
    const struct wt_property *own = type == RD_KAFKA_CONSUMER
                                        ? wt_config_consumer_property(config, name)
                                        : wt_config_producer_property(config, name);
    if (own == NULL || strcasecmp(own->value, "true") == 0 || strcmp(own->value, "1") == 0) {
        (void)rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate);
    }
}

bool wt_certificate_fault(const char *address, char *why, size_t why_bytes, const char **remedy_out)
{
    bool found = false;
    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; i < BROKERS_MAX && !found; i++) {
        found = address[0] != '\0' && strcmp(faults[i].address, address) == 0;
        if (found) {
            (void)snprintf(why, why_bytes, "%s", faults[i].why);
            *remedy_out = faults[i].remedy;
        }
    }
    (void)pthread_mutex_unlock(&lock);
    return found;
}
