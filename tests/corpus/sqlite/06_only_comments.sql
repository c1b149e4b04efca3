-- nothing; here
/* nor; here */ ;;
 ;
